"""Graphs of lower precision: what changes, what stays, and when they are refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from tests.once import once

from xec_export import ExportError
from xec_export.forms.form import ExportOptions
from xec_export.forms.table import build_exportable
from xec_export.onnx.graph import write_onnx
from xec_export.onnx.parity_events import ParityEvents
from xec_export.precision.loss import LossError, TrueEvents, measure_loss, read_true_events
from xec_export.precision.reduction import reduce_precision
from xec_export.prediction.graph import OnnxGraph
from xec_geometry.cli.application import main
from xec_models.checkpoint.reading import read_checkpoint

pytestmark = pytest.mark.usefixtures("shallow_networks")

TASKS: dict[str, dict[str, Any]] = {"energy": {"loss_fn": "gaussian_nll"}, "timing": {}, "uvwFI": {}}
MODEL = {"encoder_dim": 128, "outer_fine_pool": [3, 3]}


def run(*arguments: str | Path) -> int:
    """Run the command and give its exit code."""
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    return int(end.value.code or 0)


@pytest.fixture
def graph(
    tmp_path_factory: pytest.TempPathFactory,
    make_checkpoint: Callable[..., Path],
    shallow_networks: None,  # noqa: ARG001
    tmp_path: Path,
) -> tuple[Path, tuple[str, ...]]:
    """A graph in float32 of which a test may do what it likes, and its products with weights."""

    def fill(folder: Path) -> None:
        path = make_checkpoint(folder / "net.pth", tasks=TASKS, model=MODEL)
        exportable = build_exportable(read_checkpoint(path), path, ExportOptions())
        description = exportable.description.__class__(**{**vars(exportable.description), "opset": 20})
        products = write_onnx(exportable.network, description, folder / "net.onnx")
        (folder / "products.json").write_text(json.dumps(products))

    folder = once(tmp_path_factory, "fp32", fill)
    shutil.copy(folder / "net.onnx", tmp_path / "net.onnx")
    return tmp_path / "net.onnx", tuple(json.loads((folder / "products.json").read_text()))


@pytest.fixture
def events(graph: tuple[Path, tuple[str, ...]], make_events: Callable[..., Any]) -> TrueEvents:
    """Events whose truth is what the graph in float32 predicts, but for 2 % of its spread."""
    arrays = make_events(100, seed=6)
    npho, time = arrays["npho"], arrays["relative_time"]
    predicted = OnnxGraph(graph[0])(npho, time)
    rng = np.random.default_rng(2)
    truth = {
        task: predicted[task] + 0.02 * predicted[task].std(axis=0) * rng.normal(size=predicted[task].shape)
        for task in TASKS
    }
    return TrueEvents(ParityEvents(npho[:64], time[:64], "toys"), npho, time, truth, "toys")


def test_fp16_costs_nothing_and_halves_the_weights(graph: Any, events: TrueEvents) -> None:
    path, products = graph
    full, size = OnnxGraph(path), path.stat().st_size
    expected = full(events.npho[:5], events.time[:5])
    description, report = reduce_precision(path, products, full.description, "fp16", events, accept_loss=True)
    assert path.stat().st_size < 0.7 * size
    assert description.precision == "fp16"
    assert max(loss.growth for loss in report.losses) < 0.1
    reduced = OnnxGraph(path)
    assert reduced.description == description
    found = reduced(events.npho[:5], events.time[:5])
    for name, values in expected.items():
        assert 0 < np.abs(found[name] - values).max() < 0.02 * np.ptp(values)
    # Times of 1e-9 s came through, and no input went through float16.
    assert np.ptp(found["timing"]) > 0
    model = onnx.load(path)
    casts = {node.input[0] for node in model.graph.node if node.op_type == "Cast"}
    assert not casts & {"npho", "time"}
    assert list(path.parent.iterdir()) == [path]


def test_int8_has_fixed_ranges(graph: Any, events: TrueEvents) -> None:
    path, products = graph
    description = OnnxGraph(path).description
    with pytest.raises(LossError, match=r"in int8 the 68 % width of \w+ grows by") as caught:
        reduce_precision(path, products, description, "int8", events)
    assert not caught.value.report.passed
    assert OnnxGraph(path).description.precision == "fp32"
    assert list(path.parent.iterdir()) == [path]
    _, report = reduce_precision(path, products, description, "int8", events, accept_loss=True)
    reduced = OnnxGraph(path)
    worst = report.worst
    kept = reduced.description.precision_loss[worst.task]
    assert max(kept) == pytest.approx(worst.growth)
    # An event's result does not depend on its batch.
    together = reduced(events.npho[:8], events.time[:8])
    for event in (0, 5):
        alone = reduced(events.npho[event : event + 1], events.time[event : event + 1])
        for name, values in together.items():
            np.testing.assert_allclose(alone[name][0], values[event], rtol=1e-4, atol=1e-4 * np.ptp(values))
    nothing = reduced(events.npho[:0], events.time[:0])
    assert nothing["uvwFI"].shape == (0, 3)


def test_only_products_of_encoder_and_heads_are_reduced(graph: Any) -> None:
    path, products = graph
    nodes = {node.name: node for node in onnx.load(path).graph.node}
    assert {nodes[name].op_type for name in products} == {"MatMul", "Gemm", "Conv"}
    # One layer each of the four Linears of three heads.
    assert sum(nodes[name].op_type != "Conv" for name in products) > 12
    behind_inputs = [node for node in nodes.values() if {"npho", "time"} & set(node.input)]
    assert not {node.name for node in behind_inputs} & set(products)


def test_the_growth_of_widths(events: TrueEvents, graph: Any) -> None:
    full = OnnxGraph(graph[0])

    def blurred(npho: Any, time: Any) -> dict[str, Any]:
        found = dict(full(npho, time))
        rng = np.random.default_rng(int(npho[0, 0] * 1000) % 2**31)
        # Twice the width of the truth: √5 together.
        found["uvwFI"] = found["uvwFI"] + 0.04 * spread * rng.normal(size=found["uvwFI"].shape)
        found["timing"] = np.where(np.arange(len(npho))[:, None] == 1, np.nan, found["timing"])
        return found

    spread = full(events.npho, events.time)["uvwFI"].std(axis=0)
    report = measure_loss(full, blurred, full.description, events)
    rows = {loss.column: loss for loss in report.losses}
    assert rows["energy"].growth == 0
    assert rows["u"].growth == pytest.approx(5**0.5 - 1, rel=0.4)
    assert rows["timing"].n_lost == 7
    assert rows["timing"].growth == np.inf
    assert report.worst.column == "timing"
    assert measure_loss(full, full, full.description, events).passed


def test_too_few_events(graph: Any, event_file: Path) -> None:
    with pytest.raises(ExportError, match=r"70 events; expected at least 264 with truth"):
        read_true_events([event_file], "tree", OnnxGraph(graph[0]).description)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--precision", "int8"], "expected --events FILE"),
        (["--precision", "fp8", "--events", "x.root"], "unknown precision 'fp8'"),
        (["--precision", "int8", "--events", "x.root", "--encoder"], "--precision has no meaning"),
    ],
)
def test_options_that_make_no_sense(
    exported: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert run("export", exported.checkpoint, "-o", tmp_path / "m.onnx", *options) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_command(
    make_checkpoint: Callable[..., Path],
    make_events: Callable[..., Any],
    make_file: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    checkpoint = make_checkpoint(tmp_path / "net.pth", tasks=TASKS, model=MODEL)
    truth = make_file(tmp_path / "truth.root", make_events(270, seed=7))
    output = tmp_path / "half.onnx"
    arguments = ("export", checkpoint, "-o", output, "--precision", "fp16", "--events", truth)
    assert run(*arguments, "--tasks", "energy,timing") == 0
    said = capsys.readouterr().out
    assert f"of 206 events of {truth}" in said
    assert "fp16" in said
    content = json.loads(output.with_suffix(".json").read_text())
    assert content["precision"] == "fp16"
    assert set(content["precision_loss"]) == {"energy", "timing"}
    assert run("export", "inspect", output) == 0
    assert "precision" in capsys.readouterr().out
