"""Networks for displaced sensors: exported with their positions' hash, predicted without the table."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from tests.displaced import SURVEY, displaced, write_table

from xec_export import ExportError, export_checkpoint, open_predictor
from xec_export.prediction.mirrored import MirroredPredictor
from xec_export.prediction.positions import check_positions
from xec_geometry import N_SENSORS, GeometryError, geometry_hash
from xec_models.checkpoint.reading import read_checkpoint
from xec_models.checkpoint.writing import save_checkpoint

BUILT = displaced()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, make_checkpoint: Callable[..., Path]) -> Path:
    """A checkpoint of a network for displaced sensors; the table that it names is gone."""
    path = tmp_path_factory.mktemp("built") / "built.pth"
    make_checkpoint(path, tasks={"uvwFI": {}}, model={"position": "geometric"})
    content = read_checkpoint(path)
    sections = {**content.config.sections, "geometry": "gone.txt"}
    save_checkpoint(
        path,
        dataclasses.replace(
            content,
            config=dataclasses.replace(content.config, sections=sections),
            provenance=dataclasses.replace(content.provenance, geometry_hash=geometry_hash(table=BUILT)),
            geometry=BUILT,
        ),
    )
    return path


def test_a_graph_carries_the_hash_of_its_positions(built: Path, tmp_path: Path) -> None:
    report = export_checkpoint(built, tmp_path / "built.onnx")
    metadata = {item.key: item.value for item in onnx.load(report.onnx).metadata_props}
    assert metadata["geometry_hash"] == geometry_hash(table=BUILT)
    assert metadata["geometry"] == "gone.txt"
    assert metadata["nominal_hash"] == geometry_hash()
    readings = np.full((2, len(BUILT.positions)), 500.0, np.float32), np.zeros((2, N_SENSORS), np.float32)
    graph, network = (open_predictor(path).predict(*readings)["uvwFI"] for path in (report.onnx, built))
    np.testing.assert_allclose(graph, network, rtol=1e-4, atol=1e-3)
    with pytest.raises(GeometryError, match="reflection 'z'"):
        export_checkpoint(built, tmp_path / "mirror.onnx", mirror=True)


def test_other_positions_are_told_in_a_line(built: Path, tmp_path: Path) -> None:
    known = open_predictor(built).description
    stated = {
        "trained": known.geometry,
        "trained_hash": known.geometry_hash,
        "layout": known.layout,
    }
    check_positions(built, str(write_table(tmp_path / "same.txt", BUILT, SURVEY)), **stated)
    message = r"built\.pth was trained with the positions of gone\.txt .*, not those of nominal"
    with pytest.raises(ExportError, match=message):
        check_positions(built, "nominal", **stated)


def test_averages_over_reflections_are_refused(built: Path) -> None:
    with pytest.raises(ExportError, match=r"--mirror: .* a detector as built \(gone\.txt\)"):
        MirroredPredictor(open_predictor(built))
