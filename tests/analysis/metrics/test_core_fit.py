"""The core of residuals: its σ covers the true one, its shape is the most likely, failures stay failures."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate

from xec_analysis.metrics.core_fit import best_fit, fit_core
from xec_analysis.metrics.residual_models import RESIDUAL_MODELS

WINDOW = (-4.0, 6.0)


@pytest.mark.parametrize(
    ("name", "shape"),
    [("gaussian", ()), ("two_tailed_gaussian", (0.7, 1.9)), ("double_gaussian", (0.3, 3.0))],
)
def test_densities_are_normalized_and_add_up(name, shape):
    model, values = RESIDUAL_MODELS[name], np.array([0.4, 1.1, *shape])
    for high in (-1.0, 0.4, 2.0, 6.0):
        whole, _ = integrate.quad(
            lambda x: float(np.exp(model.log_density(np.array([x]), WINDOW, values))[0]),
            WINDOW[0],
            high,
            points=[0.4 - 0.77, 0.4, 0.4 + 2.09],
        )
        assert model.cumulative(np.array([high]), WINDOW, values)[0] == pytest.approx(whole, abs=1e-7)
    assert model.cumulative(np.array([6.0]), WINDOW, values)[0] == pytest.approx(1.0)


def test_the_pull_of_sigma_is_a_unit_gaussian():
    found = []
    for seed in range(80):
        rng = np.random.default_rng(seed)
        wide = rng.random(1500) < 0.25
        x = rng.normal(5.0, np.where(wide, 6.0, 2.0))
        fit = fit_core(x, [RESIDUAL_MODELS["double_gaussian"]])["double_gaussian"]
        assert fit.is_good, fit.status
        found.append([(fit.peak.value - 5) / fit.peak.error, (fit.sigma.value - 2) / fit.sigma.error])
    np.testing.assert_allclose(np.mean(found, axis=0), 0.0, atol=3 / np.sqrt(80) + 0.1)
    np.testing.assert_allclose(np.std(found, axis=0), 1.0, atol=3 / np.sqrt(160) + 0.05)


def with_tails(rng, n, low_tail=0.8, high_tail=1.5):
    """Residuals with σ = 1 and exponential tails on both sides, from their distribution in fine steps."""
    z = np.linspace(-30, 30, 60_001)
    low = low_tail * (0.5 * low_tail + z)
    high = high_tail * (0.5 * high_tail - z)
    density = np.exp(np.where(z < -low_tail, low, np.where(z > high_tail, high, -0.5 * z**2)))
    distribution = np.cumsum(density)
    return np.interp(rng.random(n), distribution / distribution[-1], z)


@pytest.mark.parametrize("seed", range(5))
def test_the_shape_is_that_of_the_residuals(seed):
    rng = np.random.default_rng(seed)
    drawn = {
        "gaussian": rng.normal(0, 1, 3000),
        "two_tailed_gaussian": with_tails(rng, 20_000),
        "double_gaussian": rng.normal(0, np.where(rng.random(5000) < 0.2, 4.0, 1.0)),
    }
    for name, residual in drawn.items():
        best = best_fit(fit_core(residual))
        assert (best.model.name, best.status) == (name, "good")
        assert best.sigma.value == pytest.approx(1.0, abs=4 * best.sigma.error)
        assert best.peak.value == pytest.approx(0.0, abs=4 * best.peak.error)
        assert best.sigma.error < 0.04


@pytest.mark.parametrize(("n", "has_tails"), [(1000, True), (6000, True), (1000, False), (6000, False)])
def test_the_pulls_in_bins_are_unit_gaussians(n, has_tails):
    pulls = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        x = 2 * (with_tails(rng, n) if has_tails else rng.normal(0, 1, n)) + 5
        (fit,) = fit_core(x, in_bin=True).values()
        if fit.is_good:
            pulls.append([(fit.peak.value - 5) / fit.peak.error, (fit.sigma.value - 2) / fit.sigma.error])
    assert len(pulls) >= 57
    mean, spread = np.mean(pulls, axis=0), np.std(pulls, axis=0)
    # Chance makes tails of a part of the Gaussian residuals, whose core is too narrow then.
    np.testing.assert_allclose(mean, [0.0, 0.0 if has_tails else -0.3], atol=3 / np.sqrt(60))
    np.testing.assert_allclose(spread, 1.0, atol=3 / np.sqrt(120))


def test_the_quick_fit_is_the_thorough_one():
    x = with_tails(np.random.default_rng(1), 6000)
    model = RESIDUAL_MODELS["two_tailed_gaussian"]
    (quick,), (thorough,) = (fit_core(x, [model], in_bin=yes).values() for yes in (True, False))
    assert quick.sigma.value == pytest.approx(thorough.sigma.value, abs=0.2 * thorough.sigma.error)
    assert quick.sigma.error == pytest.approx(thorough.sigma.error, rel=0.05)


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0], np.zeros(100), np.linspace(0, 1, 20)])
def test_what_cannot_be_fitted_has_no_numbers(values):
    fit = best_fit(fit_core(np.asarray(values, float)))
    assert fit.status.startswith("failed: ")
    assert fit.sigma is None
