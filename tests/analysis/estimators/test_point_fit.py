"""The maximum-likelihood fit of point events reaches the Cramér–Rao bound."""

from __future__ import annotations

import numpy as np
import pytest

from xec_analysis.estimators.point_fit import fit_point_events, fit_points
from xec_analysis.likelihood.cramer_rao_bound import cramer_rao_bound
from xec_data.simulation.configuration import SimulationConfig
from xec_data.simulation.generator import EventGenerator, Events
from xec_geometry import N_SENSORS, angles_to_direction, uvw_to_xyz

SIGNAL = 0.0528


def points(seed: int, n: int = 64) -> Events:
    events = EventGenerator(SimulationConfig(seed=seed, shower=False)).block(0)
    events["time"] = events["relative_time"]
    return {name: values[:n] for name, values in events.items()}


def test_it_reaches_the_bound() -> None:
    """Other gains in every 64 events, as the bound assumes; depths of 1 to 12 cm."""
    residual, covariance = [], []
    for seed in range(100, 107):
        events = points(seed)
        events = {
            n: v[(events["uvwTruth"][:, 2] > 1) & (events["uvwTruth"][:, 2] < 12)] for n, v in events.items()
        }
        estimates = fit_point_events(events)
        truth = np.column_stack([events["uvwTruth"], events["energyTruth"], events["timeTruth"]])
        found = np.hstack([estimates[task] for task in ("uvwFI", "energy", "timing")])
        residual.append(found - truth)
        covariance.append(cramer_rao_bound(events["uvwTruth"], events["energyTruth"]).covariance)
    off, bound = np.concatenate(residual), np.concatenate(covariance)
    n = len(off)
    assert n > 280
    pull = off / np.sqrt(np.einsum("nii->ni", bound))
    # The statistical error of an RMS is 1/√(2n) of it: 4 % of each, 2 % of all five together.
    error = 1 / np.sqrt(2 * n)
    rms = np.sqrt((pull**2).mean(axis=0))
    np.testing.assert_allclose(rms, 1.0, atol=0.05 + 2 * error)
    assert np.abs(pull.mean(axis=0)).max() < 4 / np.sqrt(n)
    scale = np.array([1, 1, 1, 1e3, 1e9])
    white = np.linalg.solve(
        np.linalg.cholesky(bound * scale * scale[:, np.newaxis]), (off * scale)[..., np.newaxis]
    )
    assert np.sqrt((white**2).mean()) == pytest.approx(1, abs=0.05 + 2 * error / np.sqrt(5))


def test_the_clock_shifts_the_time_alone() -> None:
    events = points(3, 6)
    shift = 2.0**-30  # about a nanosecond
    later = np.where(events["time"] < 1, events["time"] + shift, events["time"])
    one, other = fit_points(events["npho"], events["time"]), fit_points(events["npho"], later)
    np.testing.assert_allclose(other.time - one.time, shift, atol=2e-12)
    np.testing.assert_allclose(other.uvw, one.uvw, atol=1e-3)
    np.testing.assert_allclose(other.energy, one.energy, rtol=1e-4)


def test_the_direction_is_that_of_the_point() -> None:
    events = points(4, 5)
    estimates = fit_point_events(events)
    xyz = uvw_to_xyz(estimates["uvwFI"])
    direction = angles_to_direction(*estimates["angle"].T, degrees=True)
    np.testing.assert_allclose(direction, xyz / np.linalg.norm(xyz, axis=1, keepdims=True), atol=1e-9)


def test_events_without_times_or_light() -> None:
    events = points(5, 4)
    npho, time = events["npho"].copy(), events["time"].copy()
    time[0] = 1e10
    npho[1] = 1e10
    npho[2], time[2] = 0.0, np.nan
    fit = fit_points(npho, time)
    everything = fit_points(events["npho"], events["time"])
    np.testing.assert_allclose(fit.uvw[0], everything.uvw[0], atol=0.1)
    assert np.isnan(fit.time[:3]).all()
    assert np.isnan(fit.uvw[1:3]).all()
    assert not fit.converged[1:3].any()
    np.testing.assert_allclose(fit.time[3], everything.time[3], atol=2e-12)
    assert fit_points(np.empty((0, N_SENSORS)), np.empty((0, N_SENSORS))).uvw.shape == (0, 3)
