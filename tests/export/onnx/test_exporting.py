"""An export is one file that gives the network's numbers, or no file at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from xec_export import ExportError, ParityError, export_checkpoint, open_predictor
from xec_export.prediction.graph import OnnxGraph
from xec_geometry import N_SENSORS, geometry_hash
from xec_geometry.cli.application import main

MakeCheckpoint = Callable[..., Path]
UseGraph = Callable[[Path], None]


def run(*arguments: str | Path) -> int:
    """Run the command and give its exit code."""
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    return int(end.value.code or 0)


def error_line(text: str) -> str:
    """The one line that tells the user what is wrong, and the last one."""
    *_, last = text.splitlines()
    assert text.count("error: ") == 1, text
    return last.removeprefix("xec: error: ")


def test_the_command_shows_the_differences_and_the_files(exported: Any, event_file: Path) -> None:
    assert str(event_file) in exported.stdout
    for column in ("theta", "phi", "energy", "sigma_energy", "timing", "u", "v", "w", "n_gamma_4"):
        assert f" {column} " in exported.stdout
    last = exported.stdout.splitlines()[-1]
    assert last.startswith(f"wrote {exported.onnx} (")
    assert exported.onnx.is_file()


def test_no_sum_depends_on_the_order_of_threads(exported: Any, make_events: Callable[..., Any]) -> None:
    """ONNX Runtime 1.31 loses summands when ScatterND adds to one place from several threads."""
    graph, events = onnx.load(exported.onnx).graph, make_events(64)
    assert not [node.name for node in graph.node if node.op_type == "ScatterND" and node.attribute]
    alone, together = (open_predictor(exported.onnx, batch_size=64, threads=n) for n in (1, 2))
    expected = alone.predict(events["npho"], events["relative_time"])
    for _ in range(5):
        found = together.predict(events["npho"], events["relative_time"])
        for name, values in expected.items():
            np.testing.assert_allclose(found[name], values, rtol=1e-4, atol=1e-4 * np.abs(values).max())


def test_the_comparison_is_recorded(exported: Any) -> None:
    parity = json.loads(exported.onnx.with_suffix(".json").read_text())["parity"]
    assert parity["tolerance"] == 1e-4
    relative = {row["column"]: row["relative"] for row in parity["largest_differences"]}
    assert len(relative) == 4 + 2 + 1 + 6 + 3 + 5
    # float32 keeps about seven digits; a wrong graph is off by much more.
    assert 0 < max(relative.values()) < 1e-4


def test_one_file_holds_everything(exported: Any) -> None:
    model = onnx.load(exported.onnx, load_external_data=False)
    onnx.checker.check_model(model, full_check=True)
    assert not any(tensor.external_data for tensor in model.graph.initializer)
    assert {path.suffix for path in exported.onnx.parent.iterdir()} == {".onnx", ".json", ".pth"}
    assert not [path for path in exported.onnx.parent.iterdir() if path.name.startswith(".")]


def test_the_graph_takes_raw_readings_of_any_number_of_events(exported: Any) -> None:
    graph = onnx.load(exported.onnx).graph
    shapes = {
        info.name: [axis.dim_param or axis.dim_value for axis in info.type.tensor_type.shape.dim]
        for info in (*graph.input, *graph.output)
    }
    assert shapes == {
        "npho": ["batch", N_SENSORS],
        "time": ["batch", N_SENSORS],
        "angle": ["batch", 2],
        "angle_sigma": ["batch", 2],
        "energy": ["batch", 1],
        "energy_sigma": ["batch", 1],
        "timing": ["batch", 1],
        "uvwFI": ["batch", 3],
        "uvwFI_sigma": ["batch", 3],
        "angleVec": ["batch", 3],
        "n_gamma": ["batch", 5],
    }


def test_no_events_give_no_predictions(exported: Any) -> None:
    nothing = np.zeros((0, N_SENSORS), np.float32)
    shapes = {name: values.shape for name, values in OnnxGraph(exported.onnx)(nothing, nothing).items()}
    assert shapes["uvwFI"] == (0, 3)
    assert shapes["energy_sigma"] == (0, 1)
    assert {
        name: tuple(values.shape) for name, values in exported.network(nothing, nothing).items()
    } == shapes


def test_metadata_and_json_say_the_same(exported: Any) -> None:
    model = onnx.load(exported.onnx)
    metadata = {item.key: item.value for item in model.metadata_props}
    content = json.loads(exported.onnx.with_suffix(".json").read_text())
    assert metadata["kind"] == "regressor"
    assert metadata["npho_branch"] == "npho"
    assert metadata["time_branch"] == "relative_time"
    assert metadata["layout"] == "physical"
    assert metadata["geometry_hash"] == geometry_hash("physical")
    assert json.loads(metadata["tasks"]) == ["angle", "energy", "timing", "uvwFI", "angleVec", "n_gamma"]
    assert json.loads(metadata["units"])["timing"] == "s"
    assert json.loads(metadata["epoch"]) == 12
    assert json.loads(metadata["opset"]) == next(o.version for o in model.opset_import if o.domain == "")
    # The default preset of detector.md.
    assert json.loads(metadata["normalization"])["npho_scale"] == 1000.0
    for key, text in metadata.items():
        value = text if isinstance(content[key], str) else json.loads(text)
        assert value == content[key], key


def test_the_file_does_not_tell_where_it_was_made(exported: Any) -> None:
    import xec_models

    content = exported.onnx.read_bytes()
    assert str(Path(xec_models.__file__).parent).encode() not in content
    assert b"stack_trace" not in content


def test_the_averaged_weights_are_exported(exported: Any, make_events: Callable[..., Any]) -> None:
    from xec_models.checkpoint.building import build_model
    from xec_models.checkpoint.reading import read_checkpoint

    events = make_events(5, seed=3)
    inputs = events["npho"], events["relative_time"]
    found = open_predictor(exported.onnx).predict(*inputs)["angle"]
    last = build_model(read_checkpoint(exported.checkpoint), prefer_ema=False)
    np.testing.assert_allclose(found, exported.network(*inputs)["angle"].detach(), rtol=1e-4, atol=1e-3)
    assert np.abs(found - last(*inputs)["angle"].detach().numpy()).max() > 0.1


def test_a_graph_that_differs_is_not_kept(
    exported: Any,
    make_checkpoint: MakeCheckpoint,
    event_file: Path,
    no_tracing: UseGraph,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # The graph of one network and the checkpoint of another.
    no_tracing(exported.onnx)
    other = make_checkpoint(tmp_path / "other.pth", seed=5, tasks=exported.tasks)
    (tmp_path / "other.onnx").write_text("what was here before")
    assert run("export", other, "--data", event_file, "--force") == 2
    captured = capsys.readouterr()
    assert "theta" in captured.out
    assert error_line(captured.err).startswith(f"{tmp_path / 'other.onnx'} is not kept: ")
    assert {path.name for path in tmp_path.iterdir()} == {"other.pth", "other.onnx"}
    assert (tmp_path / "other.onnx").read_text() == "what was here before"


def test_the_tolerance_decides(exported: Any, no_tracing: UseGraph, tmp_path: Path) -> None:
    no_tracing(exported.onnx)
    with pytest.raises(ParityError) as caught:
        export_checkpoint(exported.checkpoint, tmp_path / "strict.onnx", tolerance=1e-12)
    assert not caught.value.report.passed
    assert list(tmp_path.iterdir()) == []
    report = export_checkpoint(exported.checkpoint, tmp_path / "usual.onnx")
    assert report.parity.worst.relative == pytest.approx(caught.value.report.worst.relative)
    assert {path.name for path in tmp_path.iterdir()} == {"usual.onnx", "usual.json"}


def test_events_of_the_users_choice(
    exported: Any,
    no_tracing: UseGraph,
    make_events: Callable[..., Any],
    make_file: Callable[..., Path],
    tmp_path: Path,
) -> None:
    no_tracing(exported.onnx)
    few = make_file(tmp_path / "few.root", make_events(5, seed=8))
    report = export_checkpoint(exported.checkpoint, tmp_path / "model.onnx", data=[few])
    assert report.parity.source == str(few)


def test_without_files_events_are_simulated(
    exported: Any, no_tracing: UseGraph, make_checkpoint: MakeCheckpoint, tmp_path: Path
) -> None:
    no_tracing(exported.onnx)
    moved = make_checkpoint(tmp_path / "moved.pth", tasks=exported.tasks, data={"val_path": "/gone/val.root"})
    report = export_checkpoint(moved)
    assert report.onnx == tmp_path / "moved.onnx"
    assert report.parity.source.startswith("simulation (")
    assert "/gone/val.root" in report.parity.source


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--opset", "11"], "--opset 11: expected 18 to"),
        (["--tolerance", "0"], "tolerance 0.0: expected a number above 0"),
        (["-o", "{tmp}/model.txt"], "expected a name that ends in .onnx"),
        (["-o", "{tmp}/missing/model.onnx"], "missing does not exist"),
        (["--data", "{tmp}/none.root", "-o", "{tmp}/model.onnx"], "none.root"),
    ],
)
def test_options_that_make_no_sense(
    exported: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert run("export", exported.checkpoint, *(option.format(tmp=tmp_path) for option in options)) == 2
    assert message in error_line(capsys.readouterr().err)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "root", "folder", "truncated", "other kind"])
def test_files_that_are_no_checkpoint(
    exported: Any,
    event_file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    kind: str,
) -> None:
    path = tmp_path / "model.pth"
    if kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("not a network")
    elif kind == "root":
        path = event_file
    elif kind == "folder":
        path.mkdir()
    elif kind == "truncated":
        content = exported.checkpoint.read_bytes()
        path.write_bytes(content[: len(content) // 2])
    elif kind == "other kind":
        import torch
        from tests.checkpoint_files import read_checkpoint

        torch.save({**read_checkpoint(exported.checkpoint), "kind": "something"}, path)
    assert run("export", path, "-o", tmp_path / "out.onnx") == 2
    error = error_line(capsys.readouterr().err)
    assert path.name in error
    if kind == "other kind":
        assert "kind 'something'" in error
        assert "'regressor'" in error
    assert not (tmp_path / "out.onnx").exists()


def test_a_network_that_cannot_be_traced(
    exported: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from xec_export.onnx import graph

    def refuse(*_: object, **__: object) -> None:
        import torch

        raise torch.onnx.OnnxExporterError("advice\nand more advice") from ValueError("a reason\nand more")

    monkeypatch.setattr(graph.torch.onnx, "export", refuse)
    with pytest.raises(ExportError, match=r"torch cannot export the network: a reason$"):
        export_checkpoint(exported.checkpoint, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_form_with_a_split_outer_face(corrected: Path) -> None:
    assert 0 < float((corrected / "worst.txt").read_text()) < 1e-4
