"""Averages over reflected events: by the predictor, in the graph, and by torch the same."""

from __future__ import annotations

import dataclasses
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

from xec_data import read_columns
from xec_data.tasks.mirroring import mirror_mean
from xec_data.tasks.table import TASKS
from xec_data.writing.tree_writer import read_metadata
from xec_export import ExportError, MirroredPredictor, open_predictor
from xec_export.prediction.runtime import onnxruntime
from xec_geometry import N_SENSORS
from xec_geometry.cli.application import main
from xec_models import MirrorAverage
from xec_models.blocks.namespace import TORCH

Arrays = dict[str, np.ndarray[Any, Any]]


def run(*arguments: str | Path) -> int:
    """Run the command and give its exit code."""
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    return int(end.value.code or 0)


@pytest.fixture(scope="module")
def readings(make_events: Callable[..., Arrays]) -> tuple[Any, Any]:
    events = make_events(11, seed=5)
    return events["npho"], events["relative_time"]


@pytest.fixture(scope="module")
def expected(exported: Any, readings: tuple[Any, Any]) -> Arrays:
    with torch.inference_mode():
        outputs = MirrorAverage(exported.network)(*map(torch.from_numpy, readings))
    return {name: values.numpy() for name, values in outputs.items()}


def assert_same(found: Arrays, expected: Arrays, exported: Any) -> None:
    """Within 1e-5 of the scale of each output; float32 keeps seven digits."""
    assert list(found) == list(expected)
    for name, values in expected.items():
        assert found[name].dtype == np.float32
        task = name.removesuffix("_sigma")
        scale = 1.0 if TASKS[task].unit_vector else float(exported.network.target_scale(task).scale.max())
        scale = max(scale, float(np.abs(values).max()))
        np.testing.assert_allclose(found[name] / scale, values / scale, atol=1e-5, rtol=0, err_msg=name)


@pytest.mark.parametrize("form", ["onnx", "checkpoint"])
def test_the_predictor_averages_a_network_in_either_form(
    exported: Any, readings: tuple[Any, Any], expected: Arrays, form: str
) -> None:
    inner = open_predictor(getattr(exported, form), batch_size=4)
    mirrored = MirroredPredictor(inner)
    assert (mirrored.device, mirrored.batch_size) == (inner.device, 4)
    assert mirrored.description == dataclasses.replace(inner.description, mirror_average=True)
    assert_same(mirrored.predict(*readings), expected, exported)
    alone = mirrored.predict(readings[0][3], readings[1][3])
    np.testing.assert_allclose(alone["uvwFI"], expected["uvwFI"][3:4], rtol=1e-4, atol=1e-3)
    assert not np.allclose(inner.predict(*readings)["uvwFI"], expected["uvwFI"], atol=1e-2)


@pytest.mark.slow
def test_the_graph_averages_itself(
    exported: Any,
    readings: tuple[Any, Any],
    expected: Arrays,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    averaged = tmp_path / "averaged.onnx"
    assert run("export", exported.checkpoint, "-o", averaged, "--mirror", "--tolerance", "1e-4") == 0
    described = json.loads(averaged.with_suffix(".json").read_text())
    assert described["mirror_average"] is True
    assert json.loads(exported.onnx.with_suffix(".json").read_text())["mirror_average"] is False
    # The weights are there once.
    assert averaged.stat().st_size < 1.2 * exported.onnx.stat().st_size + 4 * 8 * N_SENSORS
    graph = open_predictor(averaged)
    assert graph.description.mirror_average
    assert_same(graph.predict(*readings), expected, exported)
    capsys.readouterr()
    assert run("predict", averaged, "nowhere.root", "-o", tmp_path / "out.root", "--mirror") == 2
    error = capsys.readouterr().err
    assert "averages over reflected events already" in error
    assert "leave --mirror out" in error


def test_a_graph_invents_no_angle(tmp_path: Path) -> None:
    """NaN, where an anchor finds nothing, stays NaN."""

    class Angles(torch.nn.Module):
        def forward(self, values: torch.Tensor) -> torch.Tensor:
            return cast("torch.Tensor", mirror_mean(TORCH, TASKS["angle"], values))

    values = torch.tensor([[90.0, 170.0], [91.0, -172.0]]).expand(3, 2, 2).clone()
    values[1] = torch.nan
    values[2, 0] = torch.nan
    path = tmp_path / "angles.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Angles().eval(), (values,), path, dynamo=True, input_names=["values"], verbose=False
        )
    (found,) = onnxruntime().InferenceSession(path).run(None, {"values": values.numpy()})
    np.testing.assert_allclose(found[0], [90.5, 179.0], rtol=1e-6)
    assert np.isnan(found[1:]).all()


def test_the_command_says_so_in_the_file(
    exported: Any, event_file: Path, make_events: Callable[..., Arrays], tmp_path: Path
) -> None:
    output = tmp_path / "out.root"
    assert run("predict", exported.onnx, event_file, "-o", output, "--mirror") == 0
    assert read_metadata(output)["mirror_average"] is True
    events, found = make_events(70), read_columns(output)
    with torch.inference_mode():
        values = MirrorAverage(exported.network)(events["npho"], events["relative_time"])["uvwFI"]
    for column, name in enumerate("uvw"):
        np.testing.assert_allclose(found[f"pred_{name}"], values[:, column].numpy(), rtol=1e-4, atol=1e-3)


def test_a_task_that_nobody_knows_is_named(exported: Any) -> None:
    inner = open_predictor(exported.onnx)
    unknown = dataclasses.replace(inner.description.outputs[0], name="axis", task="axis")
    inner.description = dataclasses.replace(inner.description, outputs=(unknown,))
    with pytest.raises(
        ExportError, match="'axis' changes in reflected events; install the one that provides"
    ):
        MirroredPredictor(inner)
