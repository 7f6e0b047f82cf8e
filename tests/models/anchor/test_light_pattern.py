"""Centre, width and amount of light, against patterns whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from xec_geometry import (
    N_SENSORS,
    face_ids,
    sensor_areas,
    sensor_positions,
    solid_angle,
    uvw_to_xyz,
    xyz_to_uvw,
)
from xec_geometry.detector import parameters
from xec_models.anchor.light_pattern import LightPattern, SummedPattern, WindowedPattern, wall_per_sensor
from xec_models.encoder.readings import read


def measure(module, npho) -> LightPattern:
    """Measure arrays of counts in double precision."""
    counts = torch.as_tensor(np.asarray(npho, dtype=np.float64))
    pattern = module().double()(read(counts, torch.zeros_like(counts), torch.float64))
    return LightPattern(*(values.numpy() for values in pattern))


def windowed_pattern(npho):
    return measure(WindowedPattern, npho)


def summed_pattern(npho):
    return measure(SummedPattern, npho)


def blob(u, v, width=3.0, height=1000.0):
    """A Gaussian spot of light on the inner face."""
    uvw = xyz_to_uvw(sensor_positions())
    npho = height * np.exp(-0.5 * ((uvw[:, 0] - u) ** 2 + (uvw[:, 1] - v) ** 2) / width**2)
    npho[np.setdiff1d(np.arange(N_SENSORS), face_ids("inner"))] = 0.0
    return npho


def test_the_centre_of_a_spot_is_found():
    places = [(0.0, 0.0), (7.3, -31.2), (-15.1, 44.4)]
    pattern = windowed_pattern(np.stack([blob(*place) for place in places]))
    # The sensors are 1.5 cm apart.
    np.testing.assert_allclose(np.column_stack([pattern.u, pattern.v]), places, atol=0.01)


def test_wider_spots_are_less_concentrated():
    pattern = windowed_pattern(np.stack([blob(0, 0, width) for width in (2.0, 4.0, 8.0)]))
    assert (np.diff(pattern.shape[:, 0]) < -0.3).all()
    assert (np.diff(pattern.shape[:, 1]) > 0.3).all()


@pytest.mark.parametrize("bad", [1e10, np.nan, np.inf, -np.inf])
def test_invalid_readings_hardly_matter(bad):
    whole = blob(3.0, 20.0)
    broken = whole.copy()
    broken[np.random.default_rng(0).choice(face_ids("inner"), 100, replace=False)] = bad
    pattern = windowed_pattern(np.stack([whole, broken]))
    assert abs(pattern.u[1] - pattern.u[0]) < 0.1
    assert abs(pattern.v[1] - pattern.v[0]) < 0.1
    assert pattern.photons[1] == pytest.approx(pattern.photons[0], rel=0.02)


def test_a_dead_outer_face_is_made_up_by_the_rest_of_it():
    npho = np.full((2, N_SENSORS), 100.0)
    npho[1, face_ids("outer")[::3]] = np.nan
    npho[1, face_ids("top")[:40]] = 1e10
    photons = windowed_pattern(npho).photons
    assert photons[1] == pytest.approx(photons[0], rel=1e-9)


@pytest.mark.parametrize("pattern", [summed_pattern, windowed_pattern])
def test_events_without_light_are_told(pattern):
    npho = np.stack([np.zeros(N_SENSORS), np.full(N_SENSORS, 1e10), blob(0, 0)])
    assert pattern(npho).lit.tolist() == [False, False, True]


@pytest.mark.parametrize("pattern", [summed_pattern, windowed_pattern])
def test_no_events(pattern):
    none = pattern(np.empty((0, N_SENSORS)))
    assert none.u.shape == none.photons.shape == (0,)
    assert none.shape.shape == (0, pattern(np.ones((1, N_SENSORS))).shape.shape[1])


def test_sums_are_sums():
    npho = np.zeros((1, N_SENSORS))
    uvw = xyz_to_uvw(sensor_positions())
    one, other, far = face_ids("inner")[100], face_ids("inner")[2000], face_ids("outer")[5]
    npho[0, [one, other, far]] = 300.0, 100.0, 50.0
    npho[0, face_ids("top")[3]] = 1e10
    pattern = summed_pattern(npho)
    assert pattern.photons[0] == 450.0
    assert pattern.u[0] == pytest.approx(0.75 * uvw[one, 0] + 0.25 * uvw[other, 0])
    assert pattern.v[0] == pytest.approx(0.75 * uvw[one, 1] + 0.25 * uvw[other, 1])
    # Two points with weights p and q, a distance d apart, have the variance p·q·d².
    square = ((uvw[one, :2] - uvw[other, :2]) ** 2).sum()
    assert pattern.shape[0, 0] == pytest.approx(np.log(0.75 * 0.25 * square))


def test_the_answer_does_not_depend_on_the_other_events():
    npho = np.random.default_rng(1).exponential(100.0, (300, N_SENSORS))
    together, alone = windowed_pattern(npho), windowed_pattern(npho[270:271])
    assert together.u[270] == pytest.approx(alone.u[0], rel=1e-12)
    assert together.photons[270] == pytest.approx(alone.photons[0], rel=1e-12)


def test_sensors_stand_for_all_of_the_wall():
    wall = wall_per_sensor() * sensor_areas()
    # Of each face: its sensors span the area between the outermost ones and half a pitch around.
    inner = (parameters.INNER_PHI_LAST - parameters.INNER_PHI_FIRST) * parameters.INNER_ROWS
    inner *= np.radians(parameters.INNER_RADIUS) / (parameters.INNER_ROWS - 1)
    inner *= 2 * parameters.INNER_Z_LAST * parameters.INNER_COLUMNS / (parameters.INNER_COLUMNS - 1)
    assert wall[face_ids("inner")].sum() == pytest.approx(inner)
    strips = np.radians(parameters.STRIPS * parameters.STRIP_PHI_STEP)
    outer = parameters.OUTER_RADIUS * strips * parameters.OUTER_PER_STRIP * parameters.OUTER_Z_STEP
    assert wall[face_ids("outer")].sum() == pytest.approx(outer)


def test_light_from_a_point_is_nearly_all_counted():
    """By Gauss's theorem the walls see 4π of every point inside, but for the gaps between the faces."""
    points = uvw_to_xyz(np.array([[0.0, 0.0, 15.0], [10.0, 30.0, 20.0], [-12.0, -40.0, 12.0]]))
    seen = solid_angle(points) @ wall_per_sensor()
    np.testing.assert_allclose(seen, 1.0, atol=0.12)
