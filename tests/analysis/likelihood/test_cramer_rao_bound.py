"""The bound, against closed forms, symmetries, limits and scores of drawn readings."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from xec_analysis.likelihood.cramer_rao_bound import PARAMETERS, cramer_rao_bound
from xec_analysis.likelihood.point_source import NANOSECOND, ReadingLikelihood
from xec_analysis.likelihood.readout_model import ReadoutModel
from xec_data import expected_photons
from xec_data.simulation.constants import CONSTANTS, RESPONSES, SensorResponse
from xec_data.simulation.readout import draw_delays
from xec_geometry import N_SENSORS, face_ids, sensor_kinds, sensor_positions, uvw_to_xyz
from xec_models.point_source.point_light import FastPointLight, light_slopes, near_shadow

POINT = np.array([[3.0, 8.0, 3.0]])
SIGNAL = 0.0528
EFFICIENCY = np.array([RESPONSES[kind].efficiency for kind in sensor_kinds().tolist()])
SHARP = ReadoutModel(
    {kind: SensorResponse(response.efficiency, 0.0, 0.0) for kind, response in RESPONSES.items()},
    gain_spread=0.0,
    npho_threshold=1e9,
)


def exact_slopes(function: object, uvw: np.ndarray) -> np.ndarray:
    h = 1e-4 * np.eye(3)
    return np.stack([(function(uvw + s) - function(uvw - s))[0] / 2e-4 for s in h])  # type: ignore[operator]


def arrival(uvw: np.ndarray) -> np.ndarray:
    """The mean way of the light in cm over its speed, by the description of the light map."""
    xyz = uvw_to_xyz(uvw)
    way = np.linalg.norm(sensor_positions() - xyz[:, np.newaxis], axis=2)
    areas = np.where(sensor_kinds() == "SiPM", 4 * 0.59**2, np.pi * 2.25**2)
    diffuse = areas / (4 * np.pi * (way**2 + CONSTANTS.scattering_length**2)) * CONSTANTS.diffuse_share
    diffuse *= np.exp(-way / CONSTANTS.absorption_length) / CONSTANTS.energy_per_photon
    way = way + CONSTANTS.diffuse_detour * diffuse / expected_photons(xyz, 1.0)
    return np.asarray(way * CONSTANTS.effective_index / CONSTANTS.speed_of_light)


def test_the_light_and_its_slopes_are_those_of_the_light_map() -> None:
    there = light_slopes(FastPointLight(), POINT)
    photons = expected_photons(uvw_to_xyz(POINT), CONSTANTS.energy_per_photon)
    np.testing.assert_allclose(there.probability, photons, rtol=1.1e-3)
    np.testing.assert_allclose(there.arrival, arrival(POINT), rtol=1e-3)
    smooth = ~near_shadow(POINT, 0.01)[0]
    logs = exact_slopes(lambda uvw: np.log(expected_photons(uvw_to_xyz(uvw), 1.0)), POINT)
    np.testing.assert_allclose(there.of_probability[:, 0, smooth], logs[:, smooth], atol=4e-3)
    times = exact_slopes(arrival, POINT)
    np.testing.assert_allclose(there.of_arrival[:, 0, smooth] * 1e9, times[:, smooth] * 1e9, atol=3e-3)


def test_only_sensors_at_the_edge_of_the_shadow_are_near_it() -> None:
    near = near_shadow(np.array([[0.0, 0.0, 1.0], [5.0, 20.0, 12.0]]), 0.2)
    assert not near[:, face_ids("inner")].any()
    assert 0 < near[0].sum() < 80
    assert near_shadow(POINT, 1e-9).sum() == 0


def test_bright_sensors_with_normal_readings() -> None:
    """The information of counts and times put together by hand, from the exact light map."""
    energy, readout = 1.0, ReadoutModel(gain_spread=0.0)
    photons = expected_photons(uvw_to_xyz(POINT), energy)[0]
    nu = photons * EFFICIENCY
    used = (nu > 3000) & ~near_shadow(POINT, 0.01)[0]
    single = np.array([RESPONSES[kind].single_spread for kind in sensor_kinds().tolist()])
    of_count = nu**2 / (nu * (1 + single**2) + 0.7**2)
    decay = CONSTANTS.time_fraction / (1 - CONSTANTS.time_fraction / 2) ** 2 * CONSTANTS.decay_time**2 / nu
    of_time = 1 / (decay + CONSTANTS.time_noise**2 / nu + CONSTANTS.time_floor**2)
    logs = exact_slopes(lambda uvw: np.log(expected_photons(uvw_to_xyz(uvw), 1.0)), POINT)
    one, zero = np.ones(N_SENSORS), np.zeros(N_SENSORS)
    g_count = np.stack([*logs, one / energy, zero])[:, used]
    g_time = np.stack([*exact_slopes(arrival, POINT), zero, one])[:, used]
    by_hand = np.linalg.inv((g_count * of_count[used]) @ g_count.T + (g_time * of_time[used]) @ g_time.T)
    bound = cramer_rao_bound(POINT, energy, dead=~used, readout=readout)
    np.testing.assert_allclose(bound.sigma[0], np.sqrt(np.diag(by_hand)), rtol=1e-2)


def test_photon_statistics_alone_go_with_the_root_of_the_energy() -> None:
    few, many = (cramer_rao_bound(POINT, energy, readout=SHARP).sigma[0] for energy in (0.01, 0.04))
    np.testing.assert_allclose(few[:3] / many[:3], 2.0, rtol=2e-3)
    np.testing.assert_allclose((few[3] / 0.01) / (many[3] / 0.04), 2.0, rtol=2e-3)
    assert np.isinf(few[4])  # no sensor reaches the threshold of times
    # With every sensor scaled alike, the energy cannot be better than the photons counted.
    total = (expected_photons(uvw_to_xyz(POINT), 0.01)[0] * EFFICIENCY).sum()
    assert few[3] / 0.01 > 1 / np.sqrt(total)


def test_mirrored_points_have_the_same_bound() -> None:
    points = np.array([[1.0, 1.0, 1.0], [-1.0, 1.0, 1.0], [1.0, -1.0, 1.0], [-1.0, -1.0, 1.0]])
    sigma = cramer_rao_bound(points * [7.3, 31.2, 4.1], SIGNAL).sigma
    np.testing.assert_allclose(sigma[1:], np.broadcast_to(sigma[0], (3, 5)), rtol=3e-3)


def test_more_light_and_more_sensors_tell_more() -> None:
    sigma = cramer_rao_bound(np.repeat(POINT, 3, axis=0), np.array([0.02, 0.05, 0.1])).sigma
    sigma[:, 3] /= [0.02, 0.05, 0.1]
    assert (np.diff(sigma, axis=0) < 0).all()
    dead = np.random.default_rng(0).random(N_SENSORS) < 0.3
    alive, broken = (cramer_rao_bound(POINT, SIGNAL, dead=d).sigma for d in (None, dead))
    assert (broken > alive).all()
    known = cramer_rao_bound(POINT, SIGNAL, readout=ReadoutModel(gain_spread=0.0)).sigma
    assert (known < alive).all()


def test_events_do_not_depend_on_each_other() -> None:
    points = np.random.default_rng(1).uniform([-20, -60, 1], [20, 60, 12], (60, 3))
    together = cramer_rao_bound(points, SIGNAL).sigma
    alone = cramer_rao_bound(points[55:], SIGNAL).sigma
    np.testing.assert_allclose(together[55:], alone, rtol=1e-4)


def test_without_readings_nothing_is_known() -> None:
    sigma = cramer_rao_bound(np.array([[0.0, 0.0, 3.0], [0.0, 0.0, -5.0]]), SIGNAL).sigma
    assert np.isfinite(sigma[0]).all()
    assert np.isinf(sigma[1]).all()
    assert np.isinf(cramer_rao_bound(POINT, SIGNAL, dead=np.ones(N_SENSORS, bool)).sigma).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dark = cramer_rao_bound(np.repeat(POINT, 3, axis=0), np.array([0.0, SIGNAL, -0.01]))
    assert np.isinf(dark.sigma[[0, 2]]).all()
    assert not np.isnan(dark.covariance).any()
    np.testing.assert_allclose(dark.sigma[1], cramer_rao_bound(POINT, SIGNAL).sigma[0], rtol=1e-9)
    with pytest.raises(ValueError, match="shape"):
        cramer_rao_bound(POINT[0], SIGNAL)


def test_the_bound_by_task() -> None:
    bound = cramer_rao_bound(POINT, SIGNAL)
    tasks = bound.by_task()
    np.testing.assert_array_equal(np.hstack([tasks[t] for t in ("uvwFI", "energy", "timing")]), bound.sigma)
    assert len(PARAMETERS) == bound.sigma.shape[1]


def test_the_scores_of_drawn_readings_have_the_information_as_covariance() -> None:
    """Readings of one point many times, with gains drawn anew: Cov(score) = I, mean 0."""
    n, rng = 1500, np.random.default_rng(4)
    probability, way = FastPointLight()(POINT)
    photons = probability[0] * SIGNAL / CONSTANTS.energy_per_photon
    single = np.array([RESPONSES[kind].single_spread for kind in sensor_kinds().tolist()])
    truth = np.append(POINT[0], [np.log(SIGNAL), 0.3])
    scores = np.empty((n, 5))
    for start in range(0, n, 50):
        electrons = rng.poisson(photons * EFFICIENCY, (50, N_SENSORS))
        spread = np.sqrt(electrons * single**2 + 0.7**2)
        gains = 1 + 0.02 * rng.standard_normal(electrons.shape)
        npho = gains * (electrons + spread * rng.standard_normal(electrons.shape)) / EFFICIENCY
        delays = draw_delays(electrons.ravel(), rng).reshape(electrons.shape)
        time = truth[4] * NANOSECOND + way + delays
        at = np.broadcast_to(truth, (50, 5))
        likelihood = ReadingLikelihood(
            lambda uvw: tuple(np.repeat(part, len(uvw), axis=0) for part in FastPointLight()(uvw[:1])),
            npho,
            np.ones(npho.shape, bool),
            time,
            npho >= 100,
            at[:, :4],
            ReadoutModel(),
        )
        scores[start : start + 50] = likelihood(np.arange(50), at).gradient
    unit = np.array([1, 1, 1, 1 / SIGNAL, 1 / NANOSECOND])
    covariance = cramer_rao_bound(POINT, SIGNAL).covariance[0] * unit * unit[:, np.newaxis]
    white = scores @ np.linalg.cholesky(covariance)
    error = 1 / np.sqrt(n)
    assert np.abs(white.mean(axis=0)).max() < 5 * error
    np.testing.assert_allclose(white.T @ white / n, np.eye(5), atol=5 * np.sqrt(2) * error)
    assert (white**2).mean() == pytest.approx(1, abs=4 * np.sqrt(2 / 5) * error)
