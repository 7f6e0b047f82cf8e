"""The density of delays, against closed forms and drawn ones."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import exponnorm, norm

from xec_analysis.likelihood.delay_table import delay_table, likely_electrons
from xec_analysis.likelihood.delays import delay_density, delay_moments
from xec_data.simulation.constants import CONSTANTS, RESPONSES
from xec_data.simulation.readout import delay_law, draw_delays

SIPM = RESPONSES["SiPM"]


@pytest.mark.parametrize("electrons", [2, 12, 29])
def test_the_delay_of_the_first_photoelectron(electrons: int) -> None:
    """An exponential with a normal error, and its derivative."""
    tau = CONSTANTS.decay_time / electrons
    jitter = np.hypot(CONSTANTS.time_noise / np.sqrt(electrons), CONSTANTS.time_floor)
    x = np.linspace(-4 * jitter, 8 * tau, 60)
    log_density, score = delay_density(x[np.newaxis], delay_law(np.array([electrons])))
    closed = exponnorm(tau / jitter, scale=jitter)
    np.testing.assert_allclose(log_density[0], closed.logpdf(x), atol=1e-4)
    h = 1e-4 * jitter
    np.testing.assert_allclose(
        score[0] * jitter, (closed.logpdf(x + h) - closed.logpdf(x - h)) / 2e-4, atol=1e-3
    )


def test_many_photoelectrons_are_normal() -> None:
    law = delay_law(np.array([1_000_000]))
    mean, width = delay_moments(law)
    x = mean + width * np.linspace(-3, 3, 30)
    log_density, _ = delay_density(x[np.newaxis], law)
    np.testing.assert_allclose(log_density[0], norm.logpdf(x, mean, width), atol=6e-3)


@pytest.mark.parametrize("electrons", [12.3, 27.0, 45.0, 333.0, 5000.0])
def test_the_table_is_the_density_of_drawn_delays(electrons: float) -> None:
    """Their scores have mean 0, and the information as variance; the density is normalized."""
    table, n = delay_table(SIPM, 0.02), 100_000
    rng = np.random.default_rng(2)
    likely = np.array([electrons])
    spread = likely_electrons(likely, likely, SIPM, 0.02)[1]
    delays = draw_delays(np.maximum(np.rint(rng.normal(electrons, spread, n)), 1), rng)
    score = table.at(delays, np.full(n, electrons)).score
    information = table.information(likely)[0]
    assert abs(score.mean()) < 5e-2 * np.sqrt(information)
    assert score.var() == pytest.approx(information, rel=0.03)
    assert delays.mean() == pytest.approx(table.mean(likely)[0], rel=0.01)
    grid = np.linspace(-2e-9, 60e-9, 100_001)
    density = np.exp(table.at(grid, np.full(len(grid), electrons)).log_density)
    assert density.sum() * (grid[1] - grid[0]) == pytest.approx(1, abs=2e-3)


def test_charge_and_expectation_tell_the_photoelectrons() -> None:
    """Against the photoelectrons of drawn charges near a value."""
    rng, nu = np.random.default_rng(5), 30.0
    number = rng.poisson(nu, 400_000)
    spread = np.sqrt(number * SIPM.single_spread**2 + SIPM.noise**2)
    charge = number + spread * rng.standard_normal(len(number))
    near = number[np.abs(charge - 36.0) < 0.25]
    mean, width = likely_electrons(np.array([36.0]), np.array([nu]), SIPM, 0.0)
    assert near.mean() == pytest.approx(mean[0], abs=0.3)
    assert near.std() == pytest.approx(width[0], rel=0.08)
