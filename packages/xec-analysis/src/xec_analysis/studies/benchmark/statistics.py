"""Widths, spreads and centres of residuals, each with its statistical error.

Errors of quantiles come from a bootstrap, that of the spread from the fourth moment. Every resampling has a
fixed seed: the same residuals give the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xec_models.regressor.metrics import CONTAINMENT, GAUSSIAN_HALF_WIDTH

Floats = NDArray[np.float64]

_CENTRAL = (50.0 - CONTAINMENT / 2, 50.0 + CONTAINMENT / 2)
_RESAMPLINGS = 2000
# Whole samples are drawn for differences between methods on the same events: slower.
_PAIRED_RESAMPLINGS = 200
_SEED = 20_240_229


@dataclass(frozen=True)
class Number:
    """A number and its statistical error; None if it has none."""

    value: float
    error: float | None = None

    def scaled(self, factor: float) -> Number:
        """Return the number in another unit."""
        return Number(self.value * factor, None if self.error is None else self.error * factor)


def half_width(values: Floats) -> Number:
    """Return half the width of the central interval that holds 68 % of the values, shape (n,), n ≥ 1."""
    return _of_quantiles(values, _CENTRAL, lambda low, high: (high - low) / 2)


def containment(values: Floats) -> Number:
    """Return the distance that 68 % of the values, shape (n,), n ≥ 1, stay below."""
    return _of_quantiles(values, (CONTAINMENT,), lambda high: high)


def median(values: Floats) -> Number:
    """Return the median of values, shape (n,), n ≥ 1."""
    return _of_quantiles(values, (50.0,), lambda middle: middle)


def pull_width(residual: Floats, sigma: Floats) -> Number:
    """Return the spread of residual / σ, both (n,), in units of that of a Gaussian: 1 if σ is right."""
    return half_width(residual / sigma).scaled(1 / GAUSSIAN_HALF_WIDTH)


def spread(values: Floats) -> Number:
    """Return the standard deviation of values, shape (n,), n ≥ 1.

    Notes
    -----
    The variance s² of n values with fourth central moment m₄ has the variance
    (m₄ − s⁴ (n − 3)/(n − 1))/n, and s the error of s² over 2s.
    """
    n = len(values)
    if n < 2:
        return Number(0.0, 0.0)
    variance = float(np.var(values, ddof=1))
    fourth = float(np.mean((values - values.mean()) ** 4))
    error = np.sqrt(max(fourth - variance**2 * (n - 3) / (n - 1), 0.0) / n)
    root = np.sqrt(variance)
    return Number(float(root), float(error / (2 * root)) if root > 0 else 0.0)


def root_mean_square(values: Floats) -> Number:
    """Return the root mean square of values, shape (n,), n ≥ 1, about zero."""
    squares = values**2
    root = float(np.sqrt(squares.mean()))
    error = float(squares.std()) / np.sqrt(len(values))
    return Number(root, float(error / (2 * root)) if root > 0 else 0.0)


def width_ratio(values: Floats, reference: Floats, width: Callable[[Floats, int], Floats]) -> Number:
    """Return the ratio of two widths on the same events, with what both have in common in the error.

    Parameters
    ----------
    values, reference
        (n,) residuals of the same events, n ≥ 1.
    width
        ``(values, axis) → width``: `half_width_along` or `containment_along`.
    """
    rng = np.random.default_rng(_SEED)
    drawn = rng.integers(0, len(values), (_PAIRED_RESAMPLINGS, len(values)))
    ratios = width(values[drawn], 1) / width(reference[drawn], 1)
    value = float(width(values, 0) / width(reference, 0))
    return Number(value, float(np.std(ratios)))


def half_width_along(values: Floats, axis: int) -> Floats:
    """Return half of the central 68 % interval of values, along an axis."""
    low, high = np.percentile(values, _CENTRAL, axis=axis)
    return np.asarray((high - low) / 2)


def containment_along(values: Floats, axis: int) -> Floats:
    """Return what 68 % of the values stay below, along an axis."""
    return np.asarray(np.percentile(values, CONTAINMENT, axis=axis))


def median_of(numbers: Sequence[Number]) -> Number:
    """Return the median of independent numbers, each with an error; at least one."""
    values = np.array([number.value for number in numbers])
    errors = np.array([number.error or 0.0 for number in numbers])
    rng = np.random.default_rng(_SEED)
    shaken = values + errors * rng.standard_normal((_RESAMPLINGS, len(values)))
    return Number(float(np.median(values)), float(np.std(np.median(shaken, axis=1))))


def _of_quantiles(
    values: Floats, percents: Sequence[float], combine: Callable[..., Floats | float]
) -> Number:
    """A combination of quantiles, and the spread of its bootstrap distribution.

    Resampling n values moves order statistics only: the k-th smallest of n positions drawn at random is
    Beta distributed, and the gaps between several are Gamma variates over their sum. So the exact bootstrap
    needs a few random numbers per resampling instead of n.
    """
    ordered = np.sort(values)
    n = len(ordered)
    place = (n - 1) * np.asarray(percents) / 100
    below = np.minimum(place.astype(np.int64), max(n - 2, 0))
    above = np.minimum(below + 1, n - 1)
    ranks = np.unique(np.concatenate([below, above]))
    gaps = np.diff(np.concatenate([[0], ranks + 1, [n + 1]]))
    rng = np.random.default_rng(_SEED)
    lengths = rng.standard_gamma(gaps, (_RESAMPLINGS, len(gaps)))
    position = np.cumsum(lengths, axis=1)[:, :-1] / lengths.sum(axis=1, keepdims=True)
    drawn = ordered[np.minimum((position * n).astype(np.int64), n - 1)]
    weight = place - below

    def interpolated(samples: Floats) -> Floats:
        low, high = (samples[..., np.searchsorted(ranks, order)] for order in (below, above))
        return np.asarray(low + weight * (high - low))

    value = combine(*interpolated(ordered[ranks]))
    resampled = combine(*interpolated(drawn).T)
    return Number(float(value), float(np.std(resampled)))
