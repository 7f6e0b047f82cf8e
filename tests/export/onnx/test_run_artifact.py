"""The export at the end of a training."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from xec_export import open_predictor
from xec_export.onnx.run_artifact import export_run
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
