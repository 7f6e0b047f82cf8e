"""Reflections of the detector: permutations of the sensors against positions, and against ids by hand."""

from __future__ import annotations

import numpy as np
import pytest

from xec_geometry import (
    FACES,
    MIRRORS,
    N_SENSORS,
    GeometryError,
    SensorTable,
    face_ids,
    face_of_sensor,
    index_map,
    mirrored_sensors,
    sensor_areas,
    sensor_kinds,
    sensor_normals,
    sensor_positions,
)
from xec_geometry.detector.mirrors import match_mirrored
from xec_geometry.detector.parameters import CENTER_IDS, TABLE_ACCURACY

SIGNS = {"none": [1, 1, 1], "z": [1, 1, -1], "y": [1, -1, 1], "zy": [1, -1, -1]}
OTHER_FACE = {"z": {"us": "ds", "ds": "us"}, "y": {"top": "bottom", "bottom": "top"}}

every_mirror = pytest.mark.parametrize("mirror", MIRRORS)


@every_mirror
def test_every_sensor_takes_the_place_of_another_and_back(mirror):
    partner = mirrored_sensors(mirror)
    np.testing.assert_array_equal(partner[partner], np.arange(N_SENSORS))
    away = sensor_positions()[partner] - sensor_positions() * SIGNS[mirror]
    assert np.linalg.norm(away, axis=1).max() < TABLE_ACCURACY
    turned = sensor_normals()[partner] - sensor_normals() * SIGNS[mirror]
    # What the accuracy of the positions is as an angle, at the radius of the outer face.
    assert np.linalg.norm(turned, axis=1).max() < TABLE_ACCURACY / 100
    np.testing.assert_array_equal(sensor_areas()[partner], sensor_areas())
    np.testing.assert_array_equal(sensor_kinds()[partner], sensor_kinds())
    with pytest.raises(ValueError, match="read-only"):
        partner[0] = 1


@every_mirror
@pytest.mark.parametrize("face", FACES)
def test_faces_become_those_on_the_other_side(mirror, face):
    expected = face
    for plane in mirror.replace("none", ""):
        expected = OTHER_FACE[plane].get(expected, expected)
    found = face_of_sensor()[mirrored_sensors(mirror)[face_ids(face)]]
    assert set(found) == {FACES.index(expected)}


def test_grids_are_turned_over():
    """The ids run along z or φ in every grid: written down without positions."""
    z, y = mirrored_sensors("z"), mirrored_sensors("y")
    inner, coarse, us, ds = (index_map(name) for name in ("inner", "outer_coarse", "us", "ds"))
    np.testing.assert_array_equal(z[inner], inner[:, ::-1])
    np.testing.assert_array_equal(y[inner], inner[::-1])
    np.testing.assert_array_equal(z[us], ds)
    np.testing.assert_array_equal(y[us], us[::-1])
    np.testing.assert_array_equal(y[ds], ds[::-1])
    np.testing.assert_array_equal(z[coarse], coarse[::-1])
    np.testing.assert_array_equal(y[coarse], coarse[:, ::-1])
    patch = np.array(CENTER_IDS)
    np.testing.assert_array_equal(z[patch], patch[:, ::-1])
    np.testing.assert_array_equal(y[patch], patch[::-1])
    top, bottom = face_ids("top"), face_ids("bottom")
    np.testing.assert_array_equal(y[top], bottom)
    for face in (top, bottom):
        rows = np.split(face, np.cumsum([11, 12, 11, 12, 13]))
        np.testing.assert_array_equal(z[face], np.concatenate([row[::-1] for row in rows]))


def test_both_is_one_after_the_other():
    z, y = mirrored_sensors("z"), mirrored_sensors("y")
    np.testing.assert_array_equal(z[y], mirrored_sensors("zy"))
    np.testing.assert_array_equal(y[z], mirrored_sensors("zy"))
    np.testing.assert_array_equal(mirrored_sensors("none"), np.arange(N_SENSORS))


def built(change):
    positions = sensor_positions().copy()
    change(positions)
    return SensorTable(positions, sensor_normals(), np.arange(N_SENSORS))


def test_as_built_positions_are_symmetric_within_what_is_allowed():
    rng = np.random.default_rng(1)
    table = built(lambda positions: np.add(positions, rng.uniform(-0.1, 0.1, positions.shape), out=positions))
    with pytest.raises(GeometryError, match=r"reflection 'z': sensor \d+ has no partner, .* \d+ sensors are"):
        match_mirrored(table, "z")
    np.testing.assert_array_equal(match_mirrored(table, "zy", max_distance=0.5), mirrored_sensors("zy"))


def test_a_sensor_that_is_alone_is_named():
    def move(positions):
        positions[100] += [-0.5, 0.0, 0.0]

    with pytest.raises(
        GeometryError,
        match=r"'y': sensor (100|3972) has no partner.* 0\.5 cm .* 2 sensors are .* max_distance",
    ):
        match_mirrored(built(move), "y")


def test_sensors_that_are_no_pairs_are_named():
    def gather(positions):
        positions[43] = positions[0]

    with pytest.raises(GeometryError, match=r"'z': .* not the other way round"):
        match_mirrored(built(gather), "z", max_distance=100.0)


def test_an_unknown_reflection():
    with pytest.raises(GeometryError, match="unknown reflection 'x'; expected one of none, z, y, zy"):
        mirrored_sensors("x")
