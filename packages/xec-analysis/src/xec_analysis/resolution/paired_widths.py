"""Widths of several methods on the same events: their ratios, and which method is the best."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from xec_analysis.resolution.statistics import Floats, Number

Integers = NDArray[np.int64]

Ratios = Mapping[tuple[str, str], Number]
"""The width of one method over that of another."""

SIGNIFICANCE = 2.0
"""By how many statistical errors a method is better than another before it is called so."""

_RESAMPLINGS = 200
_SEED = 20_240_229


def width_ratios(residuals: Mapping[str, Floats], width: Callable[[Floats], float]) -> Ratios:
    """Return the ratios of widths on the same events, with what methods have in common in the errors.

    Parameters
    ----------
    residuals
        Method to its (n,) residuals of the same n events.
    width
        The measure: `half_width_68`, or `percentile_68` of distances.

    Returns
    -------
    mapping
        For every ordered pair of methods; NaN without an error where a ratio is not defined.

    Notes
    -----
    The errors are spreads of a bootstrap that draws events, each with the residuals of all methods.
    """
    n = min((len(values) for values in residuals.values()), default=0)
    if n == 0:
        return dict.fromkeys(permutations(residuals, 2), Number(float("nan")))
    rng = np.random.default_rng(_SEED)
    whole = {name: width(values) for name, values in residuals.items()}
    redrawn = {name: np.empty(_RESAMPLINGS) for name in residuals}
    for k in range(_RESAMPLINGS):
        # One by one: all together would take gigabytes for a million events.
        events = rng.integers(0, n, n)
        for name, values in residuals.items():
            redrawn[name][k] = width(values[events])
    return {(a, b): _ratio(whole[a], whole[b], redrawn[a], redrawn[b]) for a, b in permutations(residuals, 2)}


def width_ratio(values: Floats, reference: Floats, width: Callable[[Floats], float]) -> Number:
    """Return the ratio of two widths on the same events; parameters as for `width_ratios`."""
    return width_ratios({"values": values, "reference": reference}, width)["values", "reference"]


def mean_width_ratio(quantities: Sequence[tuple[Floats, Floats, Callable[[Floats], float]]]) -> Number:
    """Return the geometric mean of ratios of widths, of several quantities on the same events.

    Parameters
    ----------
    quantities
        For each its (n,) values, the (n,) reference and the measure, as for `width_ratio`; at least one.

    Returns
    -------
    Number
        Its error has what quantities and reference have in common; NaN without an error where a ratio is not
        defined.
    """
    n = len(quantities[0][0])

    def mean(events: Integers) -> float:
        widths = np.array([[width(a[events]), width(b[events])] for a, b, width in quantities])
        if not (widths > 0).all():
            return float("nan")
        return float(np.exp(np.mean(np.log(widths[:, 0] / widths[:, 1]))))

    rng = np.random.default_rng(_SEED)
    error = np.std([mean(rng.integers(0, n, n)) for _ in range(_RESAMPLINGS)]) if n else np.nan
    return Number(mean(np.arange(n)), float(error)) if np.isfinite(error) else Number(float("nan"))


def is_smaller(ratio: Number) -> bool:
    """Tell if the first of two widths is smaller than the other by `SIGNIFICANCE` times the error."""
    return ratio.error is not None and 1 - ratio.value > SIGNIFICANCE * ratio.error


def best_method(ratios: Ratios) -> str | None:
    """Return the method whose width is smaller than that of every other (`is_smaller`), if there is one."""
    better = {name: True for name, _ in ratios}
    for (name, _), ratio in ratios.items():
        better[name] &= is_smaller(ratio)
    return next((name for name, holds in better.items() if holds), None)


def _ratio(one: float, other: float, ones: Floats, others: Floats) -> Number:
    if not (other > 0 and others.min() > 0):
        return Number(float("nan"))
    return Number(one / other, float(np.std(ones / others)))
