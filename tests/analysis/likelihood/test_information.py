"""The information of one sensor, against closed forms and scores of drawn readings."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, poisson

from xec_analysis.likelihood.information import count_information, time_information
from xec_data.simulation.constants import CONSTANTS, RESPONSES, SensorResponse

SIPM = RESPONSES["SiPM"]
SHARP = SensorResponse(efficiency=0.12, single_spread=0.0, noise=0.0)


@pytest.mark.parametrize("nu", [0.3, 2.0, 15.0, 70.0])
def test_the_information_of_a_count_is_the_variance_of_its_score(nu: float) -> None:
    rng, n = np.random.default_rng(3), 40_000
    number = rng.poisson(nu, n)
    gains = 1.0 + 0.02 * rng.standard_normal(n)
    spread = np.sqrt(number * SIPM.single_spread**2 + SIPM.noise**2)
    charge = gains * (number + spread * rng.standard_normal(n))

    def log_density(mean: float) -> np.ndarray:
        k = np.arange(int(mean + 9 * mean**0.5) + 9)
        width = np.sqrt((k * SIPM.single_spread**2 + SIPM.noise**2) * (1 + 4e-4) + 4e-4 * k**2)
        return np.log(norm.pdf(charge[:, np.newaxis], k, width) @ poisson.pmf(k, mean))

    score = (log_density(nu * 1.001) - log_density(nu / 1.001)) / (2 * np.log(1.001))
    information = count_information(np.array([nu]), SIPM, 0.02)[0]
    fourth = (score**4).mean() / score.var() ** 2
    assert abs(score.mean()) < 4 * np.sqrt(information / n)
    assert score.var() == pytest.approx(information, rel=4 * np.sqrt((fourth - 1) / n) + 2e-3)


def test_sharp_counts_are_those_of_poisson() -> None:
    nu = np.geomspace(1e-2, 1e5, 50)
    np.testing.assert_allclose(count_information(nu, SHARP, 0.0), nu, rtol=1e-3)


def test_an_unknown_gain_limits_what_bright_sensors_tell() -> None:
    nu = np.array([1e9])
    assert count_information(nu, SIPM, 0.02)[0] == pytest.approx(1 / 0.02**2, rel=1e-3)
    assert count_information(nu, SIPM, 0.0)[0] == pytest.approx(nu[0] / (1 + SIPM.single_spread**2), rel=1e-3)


def test_bright_times_are_normal() -> None:
    """Variance of the decay statistics, j·(τ/(N − j/2))² with j = f·N, and of the electronics."""
    nu = np.array([2e4, 1e5, 4e5])
    decay = CONSTANTS.time_fraction / (1 - CONSTANTS.time_fraction / 2) ** 2 * CONSTANTS.decay_time**2 / nu
    variance = decay + CONSTANTS.time_noise**2 / nu + CONSTANTS.time_floor**2
    np.testing.assert_allclose(time_information(nu, SIPM, 0.0, 100.0), 1 / variance, rtol=5e-3)


def test_there_are_no_times_below_the_threshold() -> None:
    nu = np.array([0.0, 1.0, 12.0, 40.0])
    some = time_information(nu, SIPM, 0.02, 100.0)
    always = time_information(nu, SIPM, 0.02, 0.0)
    assert some[0] == 0.0
    assert some[1] < 1e-3 * always[1]
    assert 0.3 * always[2] < some[2] < 0.75 * always[2]
    assert some[3] == pytest.approx(always[3], rel=1e-3)
