"""Positions, normals, kinds and areas; golden numbers from the detector page, recomputed independently."""

import math

import numpy as np
import pytest

from xec_geometry import (
    N_SENSORS,
    face_ids,
    sensor_areas,
    sensor_kinds,
    sensor_normals,
    sensor_positions,
)
from xec_geometry.detector.parameters import CENTER_IDS

TABLE_ACCURACY = 1e-3  # cm, of the parameters against the detector's nominal table


def at(phi_degrees, radius, z):
    phi = math.radians(phi_degrees)
    return [radius * math.cos(phi), radius * math.sin(phi), z]


# Sensor, and its place by the rules of the page, worked out by hand.
PLACES = [
    (0, at(117.914853, 64.97, -32.4601)),
    (43, at(117.914853, 64.97, +32.4601)),
    (4091, at(242.085147, 64.97, +32.4601)),
    (46 * 44, at(180.0, 64.97, -32.4601)),
    (4092, at(119.855, 106.27, -41.424)),
    (4092 + 9 * 23 + 8, at(240.145, 106.27, 41.424)),
    (4308, at(119.855, 69.53, -35.1547)),
    (4313, at(119.855, 102.95, -46.8392)),
    (4452, at(119.855, 69.53, +35.1547)),
    (4595, at(240.145, 102.95, +46.8392)),
    (4596, at(117.24, 68.27, -30.6)),
    (4606, at(117.24, 68.27, +30.6)),
    (4607, at(117.24, 75.18, -33.66)),
    (4668, at(117.24, 102.82, +39.78)),
    (4669, at(242.76, 68.27, -30.6)),
    (4741, at(242.76, 102.82, +39.78)),
    (4185, at(171.2834, 106.27, -12.4)),
    (4742, at(171.2834, 106.27, -6.2)),
    (4749, at(171.2834 + 2 * 3.48666, 106.27, -6.2)),
    (4214, at(171.2834 + 5 * 3.48666, 106.27, 12.4)),
    (4759, at(171.2834 + 5 * 3.48666, 106.27, 6.2)),
]


@pytest.mark.parametrize(("sensor", "place"), PLACES)
def test_places(sensor, place):
    assert sensor_positions()[sensor] == pytest.approx(place, abs=TABLE_ACCURACY)


def test_shapes_and_finiteness():
    assert sensor_positions().shape == sensor_normals().shape == (N_SENSORS, 3)
    assert sensor_positions().dtype == sensor_normals().dtype == np.float64
    assert np.isfinite(sensor_positions()).all()
    assert np.isfinite(sensor_normals()).all()


def test_no_two_sensors_at_one_place():
    positions = sensor_positions()
    order = np.argsort(positions[:, 2], kind="stable")
    for step in range(1, 60):
        apart = np.linalg.norm(positions[order[step:]] - positions[order[:-step]], axis=1)
        assert apart.min() > 1.5


def test_pitches_of_the_inner_face():
    grid = sensor_positions()[face_ids("inner")].reshape(93, 44, 3)
    assert np.diff(grid[..., 2], axis=1) == pytest.approx(1.509772, abs=1e-6)
    phi = np.arctan2(grid[..., 1], -grid[..., 0])
    assert -np.diff(phi, axis=0) * 64.97 == pytest.approx(1.530453, abs=1e-6)
    assert np.rad2deg(-np.diff(phi, axis=0)) == pytest.approx(1.349677, abs=1e-6)


def test_the_patch_is_regular():
    patch = sensor_positions()[np.array(CENTER_IDS)]
    assert np.diff(patch[..., 2], axis=1) == pytest.approx(6.2)
    assert np.hypot(patch[..., 0], patch[..., 1]) == pytest.approx(106.27)
    # It is centred: its corners mirror each other in z and, to the accuracy given, in y.
    assert patch[..., 2].sum() == pytest.approx(0)
    assert patch[..., 1].mean() == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("name", ["top", "bottom"])
def test_hexagonal_neighbours(name):
    positions = sensor_positions()[face_ids(name)]
    apart = np.linalg.norm(positions[:, None] - positions[None], axis=-1)
    values, counts = np.unique(apart[(apart > 0) & (apart < 8)].round(3), return_counts=True)
    assert values.tolist() == [6.12, 7.557]
    assert counts.sum() == 366


def test_upstream_mirrors_downstream_and_top_mirrors_bottom():
    positions, normals = sensor_positions(), sensor_normals()
    for one, other, flip in (("us", "ds", [1, 1, -1]), ("top", "bottom", [1, -1, 1])):
        assert positions[face_ids(one)] * flip == pytest.approx(positions[face_ids(other)], abs=1e-9)
        assert normals[face_ids(one)] * flip == pytest.approx(normals[face_ids(other)], abs=1e-12)


def test_normals_are_unit_vectors():
    assert np.linalg.norm(sensor_normals(), axis=1) == pytest.approx(1, abs=1e-14)


def test_normals_point_into_the_xenon():
    """A step along the normal leads deeper into the volume that the faces enclose."""
    x, y, z = (sensor_positions() + sensor_normals()).T
    radius, psi = np.hypot(x, y), np.rad2deg(np.arctan2(y, -x))
    assert radius.min() > 64.97
    assert radius.max() < 106.27
    assert np.abs(psi).max() < 180 - 117.24
    # The sides are cones: |z| = 35.1547 at radius 69.53, and 2.3369 more per 6.684.
    assert np.all(np.abs(z) < 35.1547 + (radius - 69.53) * 2.3369 / 6.684)


def test_tilt_of_the_sides():
    """19.271° (detector page)."""
    along_z = sensor_normals()[np.concatenate([face_ids("us"), face_ids("ds")]), 2]
    assert np.abs(along_z) == pytest.approx(math.cos(math.radians(19.271)), abs=1e-5)
    assert np.all(sensor_normals()[face_ids("us"), 2] > 0)
    assert np.all(sensor_normals()[face_ids("ds"), 2] < 0)


def test_normals_of_sides_are_perpendicular_to_their_face():
    """The columns of depth and the strips' directions both lie in the face."""
    positions, normals = sensor_positions(), sensor_normals()
    for name in ("us", "ds"):
        strips = positions[face_ids(name)].reshape(24, 6, 3)
        deeper = np.diff(strips, axis=1)
        looking = normals[face_ids(name)].reshape(24, 6, 3)[:, :-1]
        assert np.einsum("sdi,sdi->sd", deeper, looking) == pytest.approx(0, abs=1e-9)


def test_kinds_and_areas():
    kinds, areas = sensor_kinds(), sensor_areas()
    assert (kinds == "SiPM").sum() == 4092
    assert (kinds == "PMT").sum() == 668
    assert set(kinds[face_ids("inner")]) == {"SiPM"}
    # 4 chips of 0.59 × 0.59 cm; a disc of 4.5 cm diameter.
    assert areas[face_ids("inner")] == pytest.approx(4 * 0.59**2)
    assert areas[face_ids("outer")] == pytest.approx(math.pi * 4.5**2 / 4)
    assert areas.sum() == pytest.approx(4092 * 4 * 0.59**2 + 668 * math.pi * 2.25**2)


@pytest.mark.parametrize("table", [sensor_positions, sensor_normals, sensor_kinds, sensor_areas])
def test_tables_are_shared_and_read_only(table):
    assert table() is table()
    with pytest.raises(ValueError, match="read-only"):
        table()[0] = table()[1]
