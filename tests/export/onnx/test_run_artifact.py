"""The export at the end of a training."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xec_export import open_predictor
from xec_export.inpainting.network import InpaintingNetwork
from xec_export.onnx.export import ExportReport
from xec_export.onnx.run_artifact import export_run
from xec_geometry import N_SENSORS
from xec_models.errors import RunDirectoryError


@pytest.fixture
def run_dir(exported: Any, no_tracing: Callable[[Path], None], tmp_path: Path) -> Path:
    folder = tmp_path / "night_3"
    folder.mkdir()
    shutil.copy(exported.checkpoint, folder / "checkpoint_best.pth")
    (folder / "config.yaml").write_text("tasks:\n  angle: {enabled: true}\n")
    no_tracing(exported.onnx)
    return folder


def test_it_is_what_a_training_calls() -> None:
    (plugin,) = entry_points(group="xec.run_artifacts", name="onnx")
    assert plugin.load() is export_run


@pytest.mark.parametrize("section", ["", "export: {}\n", "export: {onnx: <run>.onnx}\n"])
def test_the_network_is_named_after_the_run(run_dir: Path, section: str) -> None:
    with (run_dir / "config.yaml").open("a") as file:
        file.write(section)
    assert export_run(run_dir) == [run_dir / "night_3.onnx", run_dir / "night_3.json"]
    assert open_predictor(run_dir / "night_3.onnx").description.tasks[0] == "angle"
    assert open_predictor(run_dir / "checkpoint_best.pth").description.name == "night_3"


def test_an_inpainter(inpainter: Path, no_tracing: Callable[[Path], None], tmp_path: Path) -> None:
    folder = tmp_path / "holes"
    folder.mkdir()
    shutil.copy(inpainter / "net.pth", folder / "checkpoint_best.pth")
    (folder / "config.yaml").write_text("objective: inpainting\n")
    no_tracing(inpainter / "net.onnx")
    assert export_run(folder) == [folder / "holes.onnx", folder / "holes.json"]
    network = InpaintingNetwork(folder / "holes.onnx")
    npho, dead = np.full((2, N_SENSORS), 300, np.float32), np.arange(2 * N_SENSORS).reshape(2, -1) % 40 == 0
    found = network.recover(npho, 1e-11 * npho, dead)["npho"]
    np.testing.assert_array_equal(found[~dead], npho[~dead])
    assert (found[dead] != npho[dead]).all()


@pytest.mark.slow
def test_a_masked_autoencoder(
    export_example: Callable[[str, str], ExportReport], no_tracing: Callable[[Path], None], tmp_path: Path
) -> None:
    graph = export_example("mae", "pooled").onnx
    shutil.copy(graph.with_suffix(".pth"), tmp_path / "checkpoint_best.pth")
    no_tracing(graph)
    (tmp_path / "config.yaml").write_text("objective: mae\nexport: {onnx: mae.onnx}\n")
    assert export_run(tmp_path) == [tmp_path / "mae.onnx", tmp_path / "mae.json"]
    assert json.loads((tmp_path / "mae.json").read_text())["inputs"] == ["npho", "time", "mask"]


def test_a_name_of_the_users_choice(run_dir: Path) -> None:
    (run_dir / "config.yaml").write_text("export: {onnx: for_cpp.onnx}\n")
    assert export_run(run_dir) == [run_dir / "for_cpp.onnx", run_dir / "for_cpp.json"]


def test_null_means_none(run_dir: Path) -> None:
    (run_dir / "config.yaml").write_text("export: {onnx: null}\n")
    before = sorted(run_dir.iterdir())
    assert export_run(run_dir) == []
    assert sorted(run_dir.iterdir()) == before


def test_a_broken_configuration_is_one_line(run_dir: Path) -> None:
    (run_dir / "config.yaml").write_text("export: {onnx: [\n")
    with pytest.raises(RunDirectoryError, match=r"config\.yaml: not a YAML file") as caught:
        export_run(run_dir)
    assert "\n" not in str(caught.value)
