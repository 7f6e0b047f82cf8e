"""The line's shape: closed forms against numerical integration, and samples against the closed form."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import kstest

from xec_analysis.fitting.line_models import LINE_MODELS
from xec_analysis.fitting.tailed_gaussian import draw_samples, integral, log_shape

SHAPES = [(1.0, 0.02, 1.0), (1.0, 0.05, 0.3), (0.99, 0.03, 4.0)]
WINDOWS = [(0.8, 1.1), (0.97, 1.02), (0.5, 0.9), (1.01, 1.2)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("window", WINDOWS)
def test_the_integral_is_that_of_the_shape(shape, window):
    peak, sigma, tail = shape
    join = np.clip(peak - tail * sigma, *window)
    numerical = quad(lambda x: np.exp(log_shape(x, *shape)), *window, points=[join], epsabs=1e-14)[0]
    assert integral(*window, *shape) == pytest.approx(numerical, rel=1e-10)


def test_the_integral_over_everything():
    peak, sigma, tail = SHAPES[0]
    whole = float(integral(-np.inf, np.inf, peak, sigma, tail))
    assert whole == pytest.approx(float(integral(0.0, 2.0, peak, sigma, tail)), rel=1e-12)


def test_value_and_slope_are_continuous_where_the_tail_begins():
    peak, sigma, tail = SHAPES[1]
    step = 1e-6
    x = peak - tail * sigma + step * np.array([-2, -1, 1, 2])
    below, above = np.diff(log_shape(x, peak, sigma, tail))[[0, 2]] / step
    assert below == pytest.approx(above, rel=1e-3)
    assert below == pytest.approx(tail / sigma, rel=1e-3)


VALUES = {
    "tailed_gaussian": (1.0, 0.03, 0.8),
    "tailed_gaussian_flat": (1.0, 0.03, 0.8, 0.2),
    "leaking_gaussian": (1.0, 0.03, 0.3, 0.06),
    "gaussian": (1.0, 0.03),
}


@pytest.mark.parametrize("name", LINE_MODELS)
@pytest.mark.parametrize("window", WINDOWS[:2])
def test_every_model_is_normalized_in_its_window(name, window):
    model, values = LINE_MODELS[name], np.array(VALUES[name])

    def density(x):
        return float(np.exp(model.log_density(np.array([x]), window, values))[0])

    points = [p for p in (1.0 - 0.8 * 0.03, 1.0) if window[0] < p < window[1]]
    assert quad(density, *window, points=points)[0] == pytest.approx(1.0, rel=1e-8)
    middle = 0.99
    part = quad(density, window[0], middle, points=[p for p in points if p < middle] or None)[0]
    cumulative = model.cumulative(np.array([window[0], middle, window[1]]), window, values)
    np.testing.assert_allclose(cumulative, [0.0, part, 1.0], atol=1e-8)


@pytest.mark.parametrize("shape", SHAPES)
def test_samples_follow_the_shape(shape):
    window = (0.85, 1.1)
    drawn = draw_samples(np.random.default_rng(3), 20_000, *shape, window)
    whole = integral(*window, *shape)
    assert kstest(drawn, lambda x: integral(window[0], x, *shape) / whole).pvalue > 0.001
