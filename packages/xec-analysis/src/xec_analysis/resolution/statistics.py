"""Widths, spreads and centres of residuals, each with its statistical error.

Errors of quantiles come from a bootstrap, that of the spread from the fourth moment. Every resampling has a
fixed seed: the same residuals give the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from xec_models.regressor.metrics import (
    CONTAINMENT,
    GAUSSIAN_HALF_WIDTH,
    rmse,
)

Floats = NDArray[np.float64]

_RESAMPLINGS = 2000
_SEED = 20_240_229
_NONE = float("nan")


@dataclass(frozen=True)
class Number:
    """A number and its statistical error; None if it has none."""

    value: float
    error: float | None = None

    def scaled(self, factor: float) -> Number:
        """Return the number in another unit."""
        return Number(self.value * factor, None if self.error is None else self.error * factor)


def half_width(values: Floats, percent: float = CONTAINMENT) -> Number:
    """Return half the width of the central interval that holds so many percent of the values, shape (n,).

    Less than two values have none: not a number.
    """
    ends = (50.0 - percent / 2, 50.0 + percent / 2)
    error = _quantile_error(values, ends, lambda low, high: (high - low) / 2)
    if error is None or len(values) < 2:
        return Number(_NONE)
    low, high = np.percentile(values, ends)
    return Number(float(high - low) / 2, error)


def containment(values: Floats, percent: float = CONTAINMENT) -> Number:
    """Return the distance that so many percent of the values, shape (n,), stay below.

    Less than two values have none: not a number.
    """
    error = _quantile_error(values, (percent,), lambda high: high)
    if error is None or len(values) < 2:
        return Number(_NONE)
    return Number(float(np.percentile(values, percent)), error)


def median(values: Floats) -> Number:
    """Return the median of values, shape (n,), n ≥ 1."""
    error = _quantile_error(values, (50.0,), lambda middle: middle) if len(values) > 1 else None
    return Number(float(np.median(values)), error)


def mean(values: Floats) -> Number:
    """Return the mean of values, shape (n,), n ≥ 1."""
    n = len(values)
    error = float(np.std(values, ddof=1)) / np.sqrt(n) if n > 1 else _NONE
    return Number(float(np.mean(values)), float(error))


def pull_width(residual: Floats, sigma: Floats) -> Number:
    """Return the spread of residual / σ, both (n,), in units of that of a Gaussian: 1 if σ is right."""
    return half_width(residual / sigma).scaled(1 / GAUSSIAN_HALF_WIDTH)


def spread(values: Floats) -> Number:
    """Return the standard deviation of values, shape (n,); of a single one not a number.

    Notes
    -----
    The variance s² of n values with fourth central moment m₄ has the variance
    (m₄ − s⁴ (n − 3)/(n − 1))/n, and s the error of s² over 2s.
    """
    n = len(values)
    if n < 2:
        return Number(_NONE)
    variance = float(np.var(values, ddof=1))
    fourth = float(np.mean((values - values.mean()) ** 4))
    error = np.sqrt(max(fourth - variance**2 * (n - 3) / (n - 1), 0.0) / n)
    root = np.sqrt(variance)
    return Number(float(root), float(error / (2 * root)) if root > 0 else 0.0)


def asymmetry(values: Floats) -> Number:
    """Return the skewness of values, shape (n,): their third standardized moment; 0 without a spread.

    Less than three values have none: not a number.

    Notes
    -----
    To first order one value z, in standard deviations from the mean, changes the skewness g of n values by
    (z³ − g − 3z − 3g(z² − 1)/2)/n; the error is the spread of these changes times √n.
    """
    if len(values) < 3:
        return Number(_NONE)
    deviation = float(np.std(values))
    if not deviation > 0:
        return Number(0.0, 0.0)
    z = (values - np.mean(values)) / deviation
    skewness = float(np.mean(z**3))
    change = z**3 - skewness - 3 * z - 1.5 * skewness * (z**2 - 1)
    return Number(skewness, float(np.std(change)) / np.sqrt(len(values)))


def root_mean_square(values: Floats) -> Number:
    """Return the root mean square of values, shape (n,), n ≥ 1, about zero."""
    root = rmse(values)
    if len(values) < 2:
        return Number(root)
    error = float(np.std(values**2)) / np.sqrt(len(values))
    return Number(root, float(error / (2 * root)) if root > 0 else 0.0)


def mixture_half_width(sigma: Floats) -> float:
    """Return the 68 % half width of residuals of which each is Gaussian around 0 with a σ of its own.

    Parameters
    ----------
    sigma
        (n,) positive standard deviations, n ≥ 1.
    """
    from scipy.special import erf

    low, high = GAUSSIAN_HALF_WIDTH * float(sigma.min()), GAUSSIAN_HALF_WIDTH * float(sigma.max())
    for _ in range(60):
        middle = (low + high) / 2
        inside = float(erf(middle / (np.sqrt(2.0) * sigma)).mean())
        low, high = (middle, high) if inside < CONTAINMENT / 100 else (low, middle)
    return (low + high) / 2


def median_of(numbers: Sequence[Number]) -> Number:
    """Return the median of independent numbers, each with an error; at least one."""
    values = np.array([number.value for number in numbers])
    errors = np.array([number.error or 0.0 for number in numbers])
    rng = np.random.default_rng(_SEED)
    shaken = values + errors * rng.standard_normal((_RESAMPLINGS, len(values)))
    return Number(float(np.median(values)), float(np.std(np.median(shaken, axis=1))))


def _quantile_error(
    values: Floats, percents: Sequence[float], combine: Callable[..., Floats]
) -> float | None:
    """The spread of the bootstrap distribution of a combination of quantiles; None for no values.

    Resampling n values moves order statistics only: the k-th smallest of n positions drawn at random is
    Beta distributed, and the gaps between several are Gamma variates over their sum. So the exact bootstrap
    needs a few random numbers per resampling instead of n.
    """
    n = len(values)
    if n == 0:
        return None
    # Whoever asks for several quantiles has sorted the values, and sorting again would cost most of the time.
    ordered = values if (values[1:] >= values[:-1]).all() else np.sort(values)
    low, high, between = _drawn_ranks(n, tuple(percents))
    lower = ordered[low]
    return float(np.std(combine(*(lower + between * (ordered[high] - lower)).T)))


# Bins of several quantities of the same events ask for the same ranks.
@lru_cache(maxsize=512)
def _drawn_ranks(n: int, percents: tuple[float, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Ranks below and above each quantile in every resampling of n values, and how far it is between them."""
    place = (n - 1) * np.asarray(percents) / 100
    below = np.minimum(place.astype(np.int64), max(n - 2, 0))
    above = np.minimum(below + 1, n - 1)
    ranks = np.unique(np.concatenate([below, above]))
    gaps = np.diff(np.concatenate([[0], ranks + 1, [n + 1]]))
    rng = np.random.default_rng(_SEED)
    lengths = rng.standard_gamma(gaps, (_RESAMPLINGS, len(gaps)))
    position = np.cumsum(lengths, axis=1)[:, :-1] / lengths.sum(axis=1, keepdims=True)
    drawn = np.minimum((position * n).astype(np.int64), n - 1)
    low, high = (drawn[:, np.searchsorted(ranks, order)] for order in (below, above))
    return low, high, place - below
