"""Where an export goes without a name, and what it replaces there."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from xec_export import ExportError, export_checkpoint
from xec_export.onnx.export import default_output
from xec_export.onnx.graph import rewrite_metadata
from xec_export.prediction.model_file import describe_file
from xec_geometry.support.output import OutputError


@pytest.mark.parametrize(
    ("files", "checkpoint", "expected"),
    [
        # A folder of the user's own, with the configuration of a training to come.
        ([], "net.pth", "net.onnx"),
        (["config.yaml"], "network.pth", "network.onnx"),
        (["config.yaml", "metrics.csv"], "checkpoint_best.pth", "night.onnx"),
        (["config.yaml", "metrics.csv"], "checkpoint_epoch_10.pth", "checkpoint_epoch_10.onnx"),
        (["config.yaml", "checkpoint_best.pth"], "checkpoint_last.pth", "checkpoint_last.onnx"),
        (["metrics.csv"], "checkpoint_best.pth", "checkpoint_best.onnx"),
    ],
)
def test_only_the_best_of_a_run_is_named_after_it(
    tmp_path: Path, files: list[str], checkpoint: str, expected: str
) -> None:
    folder = tmp_path / "night"
    folder.mkdir()
    for name in (*files, checkpoint):
        (folder / name).touch()
    assert default_output(folder / checkpoint) == folder / expected


def test_the_graph_of_another_checkpoint_stays(
    exported: Any, no_tracing: Callable[[Path], None], tmp_path: Path
) -> None:
    checkpoint = Path(shutil.copy(exported.checkpoint, tmp_path / "net.pth"))
    description = describe_file(checkpoint)
    other = tmp_path / "net.onnx"
    rewrite_metadata(exported.onnx, other, replace(description, opset=20, epoch=3))
    before = other.read_bytes()
    with pytest.raises(OutputError, match=r"net\.onnx exists: the regressor 'net', epoch 3 \(angle, .*fp32"):
        export_checkpoint(checkpoint)
    assert other.read_bytes() == before

    no_tracing(exported.onnx)
    assert "epoch 3" in export_checkpoint(checkpoint, force=True).replaced


def test_an_export_of_the_same_checkpoint_is_replaced(
    exported: Any, no_tracing: Callable[[Path], None], tmp_path: Path
) -> None:
    checkpoint = Path(shutil.copy(exported.checkpoint, tmp_path / "net.pth"))
    same = replace(describe_file(checkpoint), opset=20)
    no_tracing(exported.onnx)
    rewrite_metadata(exported.onnx, tmp_path / "net.onnx", same)
    assert export_checkpoint(checkpoint).replaced == ""
    rewrite_metadata(exported.onnx, tmp_path / "net.onnx", replace(same, precision="int8"))
    assert "int8" in export_checkpoint(checkpoint).replaced


def test_a_file_that_is_no_export_stays(exported: Any, tmp_path: Path) -> None:
    checkpoint = Path(shutil.copy(exported.checkpoint, tmp_path / "net.pth"))
    (tmp_path / "net.onnx").write_text("notes")
    with pytest.raises(OutputError, match=r"net\.onnx exists: a file that is no export of xec"):
        export_checkpoint(checkpoint)
    with pytest.raises(ExportError, match="no such file"):
        export_checkpoint(tmp_path / "nett.pth")
    assert (tmp_path / "net.onnx").read_text() == "notes"
