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


def test_the_shape_is_that_of_the_residuals():
    rng = np.random.default_rng(3)
    gauss = rng.normal(0, 1, 3000)
    assert best_fit(fit_core(gauss)).n_free == 2 or best_fit(fit_core(gauss)).sigma.value > 0.9
    double = rng.normal(0, np.where(rng.random(5000) < 0.2, 4.0, 1.0))
    best = best_fit(fit_core(double))
    assert best.model.name == "double_gaussian"
    assert best.sigma.value == pytest.approx(1.0, abs=4 * best.sigma.error)
    laplace = best_fit(fit_core(rng.laplace(0, 1, 5000)))
    assert laplace.model.name == "two_tailed_gaussian"


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0], np.zeros(100), np.linspace(0, 1, 20)])
def test_what_cannot_be_fitted_has_no_numbers(values):
    fit = best_fit(fit_core(np.asarray(values, float)))
    assert fit.status.startswith("failed: ")
    assert fit.sigma is None
