"""The table of shapes of residuals: a Gaussian core, and what may surround it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from xec_analysis.errors import AnalysisError
from xec_analysis.fitting import tailed_gaussian
from xec_analysis.fitting.line_models import LINE_MODELS, LineModel, ShapeParameter, Window
from xec_geometry.support.registry import Registry

Floats = NDArray[np.float64]

_TINY = 1e-300
_ROOT = math.sqrt(2 * math.pi)


def _two_tails_distribution(x: Floats | Window, values: Floats) -> Floats:
    """Integral from −∞ to x, in units of σ; the shape is 1 at the peak."""
    from scipy.special import ndtr

    # Numbers of Python: a fit calls this a hundred times, and those of NumPy are slow one by one.
    peak, sigma, low_tail, high_tail = values.tolist()
    z = (np.asarray(x, np.float64) - peak) / sigma
    below = np.exp(low_tail * (0.5 * low_tail + np.minimum(z, -low_tail))) / low_tail
    core = ndtr(np.minimum(np.maximum(z, -low_tail), high_tail)) - ndtr(-low_tail)
    falling = np.exp(high_tail * (0.5 * high_tail - np.maximum(z, high_tail)))
    above = (math.exp(-0.5 * high_tail**2) - falling) / high_tail
    return np.asarray(below + _ROOT * core + above)


def _two_tails_log_density(x: Floats, window: Window, values: Floats) -> Floats:
    peak, sigma, low_tail, high_tail = values
    low, high = _two_tails_distribution(window, values)
    shape = np.where(
        x < peak,
        tailed_gaussian.log_shape(x, peak, sigma, low_tail),
        tailed_gaussian.log_shape(2 * peak - x, peak, sigma, high_tail),
    )
    return np.asarray(shape - np.log(sigma * max(high - low, _TINY)))


def _two_tails_cumulative(x: Floats, window: Window, values: Floats) -> Floats:
    found = _two_tails_distribution(np.concatenate([window, x]), values)
    return np.asarray((found[2:] - found[0]) / max(found[1] - found[0], _TINY))


def _double_distribution(x: Floats | Window, values: Floats) -> Floats:
    from scipy.special import ndtr

    peak, sigma, share, ratio = values
    z = (np.asarray(x, np.float64) - peak) / sigma
    return np.asarray((1 - share) * ndtr(z) + share * ndtr(z / ratio))


def _double_log_density(x: Floats, window: Window, values: Floats) -> Floats:
    peak, sigma, share, ratio = values
    low, high = _double_distribution(window, values)
    half_square = 0.5 * ((x - peak) / sigma) ** 2
    density = (1 - share) * np.exp(-half_square) + share / ratio * np.exp(-half_square / ratio**2)
    scale = sigma * np.sqrt(2 * np.pi) * max(high - low, _TINY)
    return np.asarray(np.log(np.maximum(density, _TINY)) - np.log(scale))


def _double_cumulative(x: Floats, window: Window, values: Floats) -> Floats:
    low, high = _double_distribution(window, values)
    return np.asarray((_double_distribution(x, values) - low) / max(high - low, _TINY))


def _tail(name: str) -> ShapeParameter:
    return ShapeParameter(name, 0.02, 5.0, starts=(1.5,), free_bound=5.0)


RESIDUAL_MODELS: Registry[LineModel] = Registry(
    "residual model",
    (
        LINE_MODELS["gaussian"],
        LineModel(
            "two_tailed_gaussian",
            "Gaussian core, exponential tails from `low_tail` σ below and `high_tail` σ above the peak on",
            _two_tails_log_density,
            _two_tails_cumulative,
            (_tail("low_tail"), _tail("high_tail")),
            title="Gaussian with two tails",
        ),
        LineModel(
            "double_gaussian",
            "two Gaussians around one peak, of which the share `wide` is `ratio` times as wide as the core",
            _double_log_density,
            _double_cumulative,
            (
                ShapeParameter("wide", 0.0, 0.9, starts=(0.2,), free_bound=0.0),
                ShapeParameter("ratio", 1.2, 20.0, starts=(2.5,), needs="wide"),
            ),
            title="two Gaussians",
        ),
    ),
    group="xec.residual_models",
    error=AnalysisError,
)
"""Shapes of residuals by name, of which a fit takes the best."""
