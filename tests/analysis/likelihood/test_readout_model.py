"""Mean, variance and likelihood of counts."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import nbinom, poisson

from xec_analysis.likelihood.readout_model import ReadoutModel
from xec_data.simulation.constants import RESPONSES
from xec_geometry import N_SENSORS
from xec_models.point_source.counts import CountVariance


@pytest.mark.parametrize("kind", ["SiPM", "PMT"])
@pytest.mark.parametrize("photons", [3.0, 200.0, 3e4])
def test_the_variance_is_that_of_readings(kind: str, photons: float) -> None:
    rng, n, response = np.random.default_rng(1), 200_000, RESPONSES[kind]
    electrons = rng.poisson(photons * response.efficiency, n)
    spread = np.sqrt(electrons * response.single_spread**2 + response.noise**2)
    gains = 1.0 + 0.02 * rng.standard_normal(n)
    npho = gains * (electrons + spread * rng.standard_normal(n)) / response.efficiency
    sensor = 0 if kind == "SiPM" else -1
    variance = ReadoutModel().count_variance.at(np.full(N_SENSORS, photons))[sensor]
    assert npho.mean() == pytest.approx(photons, abs=5 * np.sqrt(variance / n))
    assert npho.var() == pytest.approx(variance, rel=5 * np.sqrt(3 / n))


@pytest.mark.parametrize("coefficients", [(0, 1, 0), (0, 1, 1e-2), (0.5, 1.2, 0), (34.0, 10.0, 4e-4)])
def test_the_likelihood_is_the_integral_of_the_score(coefficients: tuple[float, float, float]) -> None:
    variance = CountVariance(*coefficients)
    counts, mean = np.array([[3.0], [40.0], [-1.0]]), np.array([0.5, 7.0, 300.0])
    h = 1e-5 * mean
    slope = (variance.log_likelihood(counts, mean + h) - variance.log_likelihood(counts, mean - h)) / (2 * h)
    np.testing.assert_allclose(slope, (counts - mean) / variance.at(mean), rtol=1e-5)


def test_it_is_that_of_scipy_for_counts_with_a_name() -> None:
    k, mu = np.arange(5.0), np.array([2.0, 9.0])
    ratio = np.diff(CountVariance(0, 1, 0).log_likelihood(k[:, np.newaxis], mu), axis=1)
    np.testing.assert_allclose(ratio, np.diff(poisson.logpmf(k[:, np.newaxis], mu), axis=1), rtol=1e-10)
    ratio = np.diff(CountVariance(0, 1, 0.1).log_likelihood(k[:, np.newaxis], mu), axis=1)
    expected = np.diff(nbinom.logpmf(k[:, np.newaxis], 10, 10 / (10 + mu)), axis=1)
    np.testing.assert_allclose(ratio, expected, rtol=1e-10)
