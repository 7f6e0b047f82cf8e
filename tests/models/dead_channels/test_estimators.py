"""Estimates of hidden sensors without a network, against closed forms and plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from xec_data import expected_photons
from xec_geometry import FACES, N_SENSORS, face_ids, sensor_positions, solid_angle, uvw_to_xyz
from xec_models.dead_channels.estimators import (
    ESTIMATORS,
    FEW_PHOTONS,
    NEIGHBOUR_RADIUS,
    neighbour_average,
    neighbours,
    solid_angle_weighted,
)
from xec_models.point_source.light_map_fit import find_sources, fit_light_map

UVW = np.array([[3.0, 20.0, 4.0], [-18.0, -55.0, 1.5], [10.0, 0.0, 15.0]])


@pytest.fixture(scope="module")
def hidden() -> np.ndarray:
    return np.random.default_rng(0).random((len(UVW), N_SENSORS)) < 0.1


@pytest.fixture(scope="module")
def light() -> np.ndarray:
    """Point sources with the statistics of photons and a few invalid readings."""
    rng = np.random.default_rng(1)
    npho = rng.poisson(expected_photons(uvw_to_xyz(UVW), 0.05)).astype(np.float32)
    npho[:, rng.choice(N_SENSORS, 50, replace=False)] = 1e10
    return npho


def around(sensor: int) -> list[int]:
    """The neighbours of a sensor, by its definition."""
    (face,) = (name for name in FACES if sensor in face_ids(name))
    places = sensor_positions()
    return [
        other
        for other in face_ids(face).tolist()
        if other != sensor and np.linalg.norm(places[other] - places[sensor]) <= NEIGHBOUR_RADIUS
    ]


def some_sensors() -> list[int]:
    return [int(face_ids(face)[k]) for face in FACES for k in (0, 30, 60)]


def test_neighbours_are_those_of_the_definition() -> None:
    table = neighbours()
    assert (table != table.T).nnz == 0
    for sensor in some_sensors():
        assert sorted(table[[sensor]].indices.tolist()) == around(sensor)


def test_uniform_light_is_reproduced_exactly(hidden: np.ndarray) -> None:
    npho = np.full(hidden.shape, 137.0)
    np.testing.assert_allclose(neighbour_average(npho, hidden), 137.0, rtol=1e-12)


def test_average_against_a_loop(light: np.ndarray, hidden: np.ndarray) -> None:
    average = neighbour_average(light, hidden)
    for event in range(len(light)):
        for sensor in some_sensors():
            seen = [o for o in around(sensor) if not hidden[event, o] and light[event, o] < 9e9]
            assert average[event, sensor] == pytest.approx(light[event, seen].astype(float).mean(), rel=1e-9)


def test_solid_angles_against_a_loop(light: np.ndarray, hidden: np.ndarray) -> None:
    estimate, average = solid_angle_weighted(light, hidden), neighbour_average(light, hidden)
    sources = find_sources(light, hidden)
    weighted = 0
    for event in range(len(light)):
        omega = solid_angle(sources[event])
        for sensor in [*some_sensors(), *np.argsort(-average[event])[:5].tolist()]:
            seen = [o for o in around(sensor) if not hidden[event, o] and light[event, o] < 9e9]
            expected = average[event, sensor]
            if expected >= FEW_PHOTONS and omega[seen].sum() > 0:
                expected = light[event, seen].astype(float).sum() * omega[sensor] / omega[seen].sum()
                weighted += 1
            assert estimate[event, sensor] == pytest.approx(expected, rel=1e-9)
    assert weighted > 20


def test_light_as_the_solid_angles_is_reproduced(monkeypatch: pytest.MonkeyPatch, hidden: np.ndarray) -> None:
    """From the right source, photons in proportion to the solid angle come out exactly."""
    xyz = uvw_to_xyz(UVW)
    npho = 1e6 * solid_angle(xyz)
    monkeypatch.setattr("xec_models.dead_channels.estimators.find_sources", lambda *_: xyz)
    bright = neighbour_average(npho, hidden) >= FEW_PHOTONS
    assert bright.mean() > 0.2
    np.testing.assert_allclose(solid_angle_weighted(npho, hidden)[bright], npho[bright], rtol=1e-9)


def test_the_light_map_of_a_point_source_is_found(hidden: np.ndarray) -> None:
    npho = expected_photons(uvw_to_xyz(UVW), 0.05)
    # The light of the fit is the map to 1e-3.
    np.testing.assert_allclose(ESTIMATORS["light map"].function(npho, hidden), npho, rtol=1e-3)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_what_is_hidden_has_no_influence(name: str, light: np.ndarray, hidden: np.ndarray) -> None:
    estimate = ESTIMATORS[name].function(light, hidden)
    assert np.isfinite(estimate).all()
    other = np.where(hidden, 1e5 * np.random.default_rng(2).random(light.shape), light)
    np.testing.assert_array_equal(ESTIMATORS[name].function(other, hidden), estimate)
    # Invalid readings are hidden, whether the mask says so or not.
    np.testing.assert_array_equal(ESTIMATORS[name].function(light, hidden | (light > 9e9)), estimate)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_events_do_not_influence_each_other(name: str, light: np.ndarray, hidden: np.ndarray) -> None:
    together = ESTIMATORS[name].function(light, hidden)
    for event in range(len(light)):
        alone = ESTIMATORS[name].function(light[event : event + 1], hidden[event])
        np.testing.assert_allclose(alone[0], together[event], rtol=1e-7)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_no_events(name: str) -> None:
    assert ESTIMATORS[name].function(np.empty((0, N_SENSORS)), np.zeros(N_SENSORS, bool)).shape == (
        0,
        N_SENSORS,
    )


def test_without_visible_neighbours_there_is_no_estimate() -> None:
    hidden = np.zeros((2, N_SENSORS), bool)
    hidden[0, face_ids("top")] = True
    npho = np.full((2, N_SENSORS), 80.0)
    for name in ("neighbours", "solid angle"):
        estimate = ESTIMATORS[name].function(npho, hidden)
        assert np.isnan(estimate[0, face_ids("top")]).all()
        assert np.isfinite(estimate[1]).all()


def test_without_light_on_the_inner_face_no_source_is_assumed() -> None:
    npho = np.full((1, N_SENSORS), 70.0)
    npho[0, face_ids("inner")] = 0.0
    hidden = np.zeros(N_SENSORS, bool)
    assert np.isnan(find_sources(npho, hidden[np.newaxis])).all()
    np.testing.assert_array_equal(solid_angle_weighted(npho, hidden), neighbour_average(npho, hidden))
    assert np.isnan(ESTIMATORS["light map"].function(npho, hidden)).all()


def test_the_light_map_is_that_of_the_exact_fit(light: np.ndarray, hidden: np.ndarray) -> None:
    photons = ESTIMATORS["light map"].function(light, hidden)
    np.testing.assert_allclose(photons, fit_light_map(light, hidden).photons, rtol=2e-3)
