"""Sensors without a reading, filled from those around them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from xec_data.schema.branches import INVALID
from xec_geometry import FACES, N_SENSORS, face_ids, index_map, sensor_positions, uvw_to_xyz, xyz_to_uvw
from xec_models.anchor.filling import Filling
from xec_models.encoder.readings import read

GRID = index_map("inner")


def filled(npho: np.ndarray, dtype: torch.dtype = torch.float64) -> np.ndarray:
    counts = torch.as_tensor(np.atleast_2d(npho)).to(dtype)
    return Filling().to(dtype)(read(counts, torch.zeros_like(counts), dtype)).numpy()


def point_light(depth: float, row: int = 50, column: int = 20) -> np.ndarray:
    """Light that goes with the inverse cube of the distance from a point in front of a sensor."""
    u, v, _ = xyz_to_uvw(sensor_positions()[GRID[row, column]][None])[0]
    distance = np.linalg.norm(sensor_positions() - uvw_to_xyz(np.array([[u, v, depth]])), axis=1)
    return 1e5 / distance**3


@pytest.mark.parametrize(("depth", "tolerance"), [(1.5, 0.26), (3.0, 0.05), (6.0, 0.005)])
def test_a_sensor_at_the_peak_gets_what_a_point_of_light_sends(depth: float, tolerance: float) -> None:
    npho = point_light(depth)
    peak = int(npho.argmax())
    expected, npho[peak] = npho[peak], INVALID
    assert filled(npho)[0, peak] == pytest.approx(expected, rel=tolerance)
    # The mean of the neighbours is far lower.
    rows, columns = (int(i[0]) for i in np.nonzero(peak == GRID))
    around = npho[GRID[rows - 1 : rows + 2, columns - 1 : columns + 2]]
    assert np.mean(around[around != INVALID]) < expected * (1 - 2.5 * tolerance)


def test_valid_readings_stay_and_holes_everywhere_are_filled() -> None:
    npho = np.random.default_rng(0).exponential(300.0, (4, N_SENSORS))
    holes = np.random.default_rng(1).random(npho.shape) < 0.1
    whole = filled(np.where(holes, np.nan, npho))
    np.testing.assert_array_equal(whole[~holes], npho[~holes])
    assert np.isfinite(whole).all()
    assert (whole[holes] > 0).all()


@pytest.mark.parametrize("face", FACES)
def test_an_even_face_stays_even(face: str) -> None:
    npho = np.full(N_SENSORS, 700.0)
    ids = face_ids(face)
    npho[ids[:: len(ids) // 7]] = INVALID
    npho[ids[-3:]] = INVALID
    np.testing.assert_allclose(filled(npho)[0], 700.0, rtol=1e-9)


def test_a_hole_takes_after_its_neighbours_not_after_the_face() -> None:
    for face in FACES:
        ids = face_ids(face)
        along = (
            sensor_positions()[:, 2] + 200.0 if face != "us" and face != "ds" else sensor_positions()[:, 1]
        )
        npho = 500 + 2 * along
        # Not at an edge: there the neighbours are all on one side.
        distance = np.linalg.norm(sensor_positions()[ids] - sensor_positions()[ids].mean(axis=0), axis=1)
        hole = ids[distance.argmin()]
        broken = npho.copy()
        broken[hole] = np.inf
        assert filled(broken)[0, hole] == pytest.approx(npho[hole], rel=0.01), face


def test_a_face_without_a_reading_has_no_light() -> None:
    npho = np.full(N_SENSORS, 700.0)
    for face in ("inner", "top"):
        npho[face_ids(face)] = INVALID
    whole = filled(npho)[0]
    for face in FACES:
        assert whole[face_ids(face)] == pytest.approx(0.0 if face in ("inner", "top") else 700.0), face


def test_a_lonely_sensor_stands_for_its_face() -> None:
    npho = np.full(N_SENSORS, 700.0)
    npho[face_ids("bottom")[1:]] = INVALID
    npho[face_ids("bottom")[0]] = 40.0
    assert filled(npho)[0, face_ids("bottom")] == pytest.approx(40.0)


def test_single_precision_agrees() -> None:
    npho = np.random.default_rng(2).exponential(300.0, (4, N_SENSORS))
    npho[np.random.default_rng(3).random(npho.shape) < 0.1] = np.nan
    np.testing.assert_allclose(filled(npho, torch.float32), filled(npho), rtol=1e-5)
