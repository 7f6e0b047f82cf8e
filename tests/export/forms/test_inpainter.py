"""An inpainter's graph does what `xec inpaint` does, whatever its head."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
import uproot

from xec_export.forms.inpainter import build_inpainter
from xec_export.inpainting.network import InpaintingNetwork
from xec_export.prediction.graph import OnnxGraph
from xec_geometry import N_SENSORS
from xec_geometry.cli.application import main
from xec_models.checkpoint.reading import read_checkpoint
from xec_models.reconstruction.inpainter.heads import INPAINTER_HEADS

MakeInpainter = Callable[..., Path]

ROUNDING = {"npho": 1e-2, "time": 1e-12, "relative_time": 1e-12, "inpainted": 0}
"""Differences in the units of the readings that float32 explains: counts may be near 0."""


def run(*arguments: str | Path) -> int:
    """Run the command and give its exit code."""
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    return int(end.value.code or 0)


@pytest.fixture
def readings(make_events: Callable[..., dict[str, Any]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Five events: the first with all sensors dead, the second with none."""
    events = make_events(5, seed=4)
    dead = np.random.default_rng(1).random((5, N_SENSORS)) < 0.1
    dead[0], dead[1] = True, False
    return events["npho"], events["relative_time"], dead


def test_the_graph_recovers_the_dead_and_copies_the_others(inpainter: Path, readings: Any) -> None:
    npho, time, dead = readings
    graph = OnnxGraph(inpainter / "net.onnx")
    found = graph(npho, time, dead.astype(np.float32))
    # Nothing is left to recover an event from whose sensors are all dead.
    recovered = dead & ~dead.all(axis=1, keepdims=True)
    for name, values in (("npho", npho), ("time", time)):
        output = found[f"{name}_inpainted"]
        np.testing.assert_array_equal(output[~recovered], values[~recovered])
        assert np.isfinite(output[recovered]).all()
        assert (output[recovered] != values[recovered]).mean() > 0.8
    threshold = graph.description.normalization["npho_threshold"]
    faint = recovered & (found["npho_inpainted"] < threshold)
    np.testing.assert_array_equal(recovered & (found["time_inpainted"] > 9e9), faint)


def test_the_graph_gives_what_the_checkpoint_gives(inpainter: Path, readings: Any) -> None:
    npho, time, dead = readings
    of_graph, of_checkpoint = (InpaintingNetwork(inpainter / f"net.{suffix}") for suffix in ("onnx", "pth"))
    assert of_graph.channels == of_checkpoint.channels == ("npho", "time")
    assert of_graph.npho_threshold == of_checkpoint.npho_threshold
    expected, found = (network.recover(npho, time, dead) for network in (of_checkpoint, of_graph))
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-4, atol=ROUNDING[name])


def test_readings_of_dead_sensors_do_not_matter(inpainter: Path, readings: Any) -> None:
    npho, time, dead = readings
    graph = OnnxGraph(inpainter / "net.onnx")
    flags = dead.astype(np.float32)
    some = dead & ~dead.all(axis=1, keepdims=True)
    expected = graph(npho, time, flags)
    others = (np.where(some, np.float32(value), values) for value, values in ((1e10, npho), (5, time)))
    found = graph(*others, flags)
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)


@pytest.mark.parametrize("n_events", [0, 1, 3])
def test_any_number_of_events(inpainter: Path, readings: Any, n_events: int) -> None:
    npho, time, dead = (values[2:][:n_events].astype(np.float32) for values in readings)
    graph = OnnxGraph(inpainter / "net.onnx")
    found = graph(npho, time, dead)
    assert {name: values.shape for name, values in found.items()} == {
        "npho_inpainted": (n_events, N_SENSORS),
        "time_inpainted": (n_events, N_SENSORS),
    }


def test_what_the_file_says_of_itself(inpainter: Path) -> None:
    model = onnx.load(inpainter / "net.onnx")
    metadata = {item.key: item.value for item in model.metadata_props}
    assert metadata["kind"] == "inpainter"
    assert json.loads(metadata["inputs"]) == ["npho", "time", "dead"]
    assert json.loads(metadata["input_units"]) == {"npho": "photons", "time": "s", "dead": "1"}
    assert json.loads(metadata["units"]) == {"npho_inpainted": "photons", "time_inpainted": "s"}
    _, times = json.loads(metadata["outputs"])
    assert times["copies"] == "time"
    assert times["needs"] == ["npho_inpainted", json.loads(metadata["normalization"])["npho_threshold"]]
    shapes = {
        info.name: [axis.dim_param or axis.dim_value for axis in info.type.tensor_type.shape.dim]
        for info in (*model.graph.input, *model.graph.output)
    }
    assert set(shapes) == {"npho", "time", "dead", *json.loads(metadata["units"])}
    assert all(shape == ["batch", N_SENSORS] for shape in shapes.values())
    assert json.loads((inpainter / "net.json").read_text())["kind"] == "inpainter"


def test_no_operator_that_fails_without_events(inpainter: Path) -> None:
    """ONNX Runtime 1.31 ends the process at an Einsum of no events, and leaves them unreduced."""
    graph = onnx.load(inpainter / "net.onnx").graph
    constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    reductions = [node for node in graph.node if node.op_type.startswith("Reduce")]
    assert reductions
    assert all((constants[node.input[1]] >= 0).all() for node in reductions if len(node.input) > 1)
    assert not [node for node in graph.node if node.op_type == "Einsum"]


def test_xec_inpaint_takes_the_graph(inpainter: Path, event_file: Path, tmp_path: Path) -> None:
    dead = tmp_path / "dead.txt"
    dead.write_text("0\n4000\n4100\n")
    found = {}
    for suffix in ("pth", "onnx"):
        output = tmp_path / f"{suffix}.root"
        assert run("inpaint", inpainter / f"net.{suffix}", event_file, "-o", output, "--dead", dead) == 0
        with uproot.open(output) as file:
            found[suffix] = file["tree"].arrays(["npho", "relative_time", "inpainted"], library="np")
    for name, values in found["pth"].items():
        np.testing.assert_allclose(found["onnx"][name], values, rtol=1e-4, atol=ROUNDING[name])


def test_a_graph_is_refused_where_it_makes_no_sense(
    inpainter: Path, exported: Any, event_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("predict", inpainter / "net.onnx", event_file, "-o", tmp_path / "p.root") == 2
    assert "a graph of kind 'inpainter', which takes npho, time, dead" in capsys.readouterr().err
    assert run("inpaint", exported.onnx, event_file, "-o", tmp_path / "p.root") == 2
    assert "a graph of kind 'regressor'; expected kind 'inpainter'" in capsys.readouterr().err
    assert run("export", inpainter / "net.pth", "-o", tmp_path / "m.onnx", "--mirror") == 2
    assert "--mirror has no meaning for the kind 'inpainter'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("shallow_networks")
@pytest.mark.parametrize("head", INPAINTER_HEADS)
def test_no_events_in_torch(make_inpainter: MakeInpainter, tmp_path: Path, head: str) -> None:
    path = make_inpainter(tmp_path / "net.pth", head=head, outer_fine_pool=(3, 3))
    network, _ = build_inpainter(read_checkpoint(path), path)
    nothing = torch.zeros(0, N_SENSORS)
    with torch.inference_mode():
        found = network(nothing, nothing, nothing)
    assert {values.shape for values in found.values()} == {(0, N_SENSORS)}
