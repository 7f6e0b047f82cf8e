"""Bias and 68 % width of residuals in bins of another variable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xec_analysis.resolution.statistics import Number, half_width, mean

Floats = NDArray[np.float64]

# A half width from fewer residuals says little; more bins than this no reader follows.
EVENTS_PER_BIN = 20
MOST_BINS = 16


@dataclass(frozen=True)
class Profile:
    """Residuals in bins of a variable, each array of shape (bins,).

    Attributes
    ----------
    centre, low, high
        Median, least and largest value of the variable in the bin.
    bias, bias_error
        Mean residual and its standard error.
    width, width_error
        68 % half width (half of the central 68 % interval) and its standard error.
    count
        Events in the bin, never zero.
    """

    centre: Floats
    low: Floats
    high: Floats
    bias: Floats
    bias_error: Floats
    width: Floats
    width_error: Floats
    count: NDArray[np.int64]

    @property
    def across(self) -> Floats:
        """Extent of each bin below and above its centre, (2, bins): the bars of a plot."""
        return np.array([self.centre - self.low, self.high - self.centre])


def bins_of(values: Floats, n_bins: int = MOST_BINS) -> list[NDArray[np.int64]]:
    """Sort events into bins of a variable: equally wide, but merged where events are few.

    No bin is empty; a variable with one value gives one bin. The far tail belongs to the last bin, so that
    a few outliers do not spread the bins.

    Parameters
    ----------
    values
        The variable, shape (n,), finite.
    n_bins
        The largest number of bins.

    Returns
    -------
    list of int64 arrays
        The events of each bin, in ascending order of the variable; none for no events.
    """
    if len(values) == 0:
        return []
    low, high = typical_range(values)
    # Equal values stay in one bin, whatever rounding does to the edges.
    number = np.clip(((values - low) / ((high - low) or 1.0) * n_bins).astype(np.int64), 0, n_bins - 1)
    counts = np.bincount(number, minlength=n_bins)
    group, groups, gathered = 0, np.zeros(n_bins, dtype=np.int64), 0
    for i, count in enumerate(counts):
        groups[i] = group
        gathered += count
        if gathered >= EVENTS_PER_BIN and counts[i + 1 :].sum() >= EVENTS_PER_BIN:
            group, gathered = group + 1, 0
    return [np.flatnonzero(groups[number] == k) for k in range(group + 1)]


def typical_range(values: Floats) -> tuple[float, float]:
    """Least and largest value without the outermost half percent of a long tail."""
    low, high = np.percentile(values, [0.5, 99.5])
    return float(low), float(high)


def errors_of(numbers: Sequence[Number]) -> Floats:
    """Return the errors of numbers, zero for one without."""
    return np.array([number.error or 0.0 for number in numbers])


def profile(variable: Floats, residual: Floats, n_bins: int = MOST_BINS) -> Profile:
    """Bias and 68 % width of residuals against a variable.

    Parameters
    ----------
    variable, residual
        Shape (n,); events where either is not finite are left out.
    n_bins
        As in `bins_of`.
    """
    usable = np.isfinite(variable) & np.isfinite(residual)
    variable, residual = variable[usable], residual[usable]
    bins = bins_of(variable, n_bins)
    count = np.array([len(part) for part in bins], dtype=np.int64)
    means, widths = ([measure(residual[part]) for part in bins] for measure in (mean, half_width))
    return Profile(
        centre=np.array([np.median(variable[part]) for part in bins]),
        low=np.array([variable[part].min() for part in bins]),
        high=np.array([variable[part].max() for part in bins]),
        bias=np.array([number.value for number in means]),
        bias_error=errors_of(means),
        width=np.array([number.value for number in widths]),
        width_error=errors_of(widths),
        count=count,
    )
