"""Negative log-likelihoods of line shapes, minimized by iminuit and judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xec_analysis.fitting.line_models import PEAK, SIGMA, LineModel, Window
from xec_models.regressor.metrics import GAUSSIAN_HALF_WIDTH

Floats = NDArray[np.float64]
Cost = Callable[[Floats], float]

FINE_BINS, COARSE_BINS = 10.0, 4.0
"""Bins per σ: contents are integrals, so that no peak moves; of the precision about (1/bins)²/24 is lost."""

_MOST_BINS = 2000
# A parameter so near to its bound, as a fraction of its range, is at it.
_AT_BOUND = 1e-3
# Parts of σ at which a fit with more parameters is tried, and the fall of −ln L that is worth a fit.
_NARROWER, _PROMISING = (1.0, 0.9, 0.8, 0.65), 0.5
# So many σ on both sides of the peak have to be in the range.
_CORE = 1.5


def first_guess(x: Floats, window: Window) -> tuple[float, float]:
    """Guess peak and σ: the mode, from shortest halves, and the distance of those above it: no tail there."""
    ordered = np.sort(x)
    part = ordered
    while len(part) > max(20, len(ordered) // 8):
        half = len(part) // 2
        gaps = part[half:] - part[: len(part) - half]
        first = int(np.argmin(gaps))
        part = part[first : first + half + 1]
    mode = float(part.mean())
    above = ordered[ordered > mode] - mode
    sigma = float(np.percentile(above, 68)) / GAUSSIAN_HALF_WIDTH if len(above) else 0.0
    return mode, float(np.clip(sigma, 1e-3 * (window[1] - window[0]), 0.3 * (window[1] - window[0])))


def unbinned_cost(x: Floats, window: Window, model: LineModel) -> Cost:
    """Return the negative log-likelihood of energies, (n,), as a function of the parameters."""

    def cost(values: Floats) -> float:
        return -float(model.log_density(x, window, values).sum())

    return cost


def binned_cost(
    x: Floats, window: Window, model: LineModel, sigma: float, per_sigma: float = FINE_BINS
) -> Cost:
    """Return the same of counts in so many bins per σ."""
    n_bins = int(np.clip(per_sigma * (window[1] - window[0]) / sigma, 4 * per_sigma, _MOST_BINS))
    counts, edges = np.histogram(x, n_bins, window)
    filled = counts > 0

    def cost(values: Floats) -> float:
        expected = np.diff(model.cumulative(edges, window, values))[filled]
        return -float(counts[filled] @ np.log(np.maximum(expected, 1e-300)))

    return cost


def minimize(
    cost: Cost,
    model: LineModel,
    window: Window,
    guess: tuple[float, float],
    n_events: int,
    quick: bool = False,
) -> tuple[Floats, Floats, float] | str:
    """Find the lowest minimum of a negative log-likelihood.

    Parameters
    ----------
    cost
        The negative log-likelihood.
    model
        The line shape.
    window
        Bounds of the peak.
    guess
        Peak and σ to begin with.
    n_events
        Number of energies, for the first steps.
    quick
        Whether many fits are to be done: parameters with a free bound are fitted only if that lowers Akaike's
        criterion, and the minimum is found less sharply.

    Returns
    -------
    tuple, or str
        Parameters, (p,), their covariance, (p, p), with zeros for what was kept at a bound, and the lowest
        value of the cost; or why there are none.
    """
    bounds = [window, (1e-3 * guess[1], window[1] - window[0])]
    bounds += [(parameter.low, parameter.high) for parameter in model.shape]
    if quick:
        best, fixed = _with_as_few_as_needed(cost, model, bounds, guess, n_events)
    else:
        fixed = frozenset()
        minima = [
            _migrad(cost, model.parameters, bounds, [*guess, *starts], fixed, n_events)
            for starts in product(*(parameter.starts for parameter in model.shape))
        ]
        best = min(minima, key=lambda minuit: float(minuit.fval))
    while meaningless := _meaningless(best, model, bounds, fixed):
        fixed |= meaningless
        start = [
            _kept(model, k, fixed) if k in fixed else float(value) for k, value in enumerate(best.values)
        ]
        best = _migrad(cost, model.parameters, bounds, start, fixed, n_events, quick)
    return _judge(best, model, bounds, fixed)


def _with_as_few_as_needed(
    cost: Cost, model: LineModel, bounds: Sequence[Window], guess: tuple[float, float], n_events: int
) -> tuple[Any, frozenset[int]]:
    """Fit with all that has a free bound kept there; with all of it free if Akaike's criterion is lower."""
    names, shape = model.parameters, model.shape
    kept = frozenset(k for k, p in enumerate(shape, start=2) if p.free_bound is not None or p.needs)
    start = [*guess, *(p.starts[0] if p.free_bound is None else p.free_bound for p in shape)]
    few = _migrad(cost, names, bounds, start, kept, n_events, quick=True)
    # What surrounds a core makes it narrower. A look at some places costs less than a fit in vain.
    peak, sigma, *_ = few.values
    choices = [p.starts if p.free_bound is None else (*p.starts, p.free_bound) for p in shape]
    trials = [
        np.array([peak, factor * sigma, *further]) for factor in _NARROWER for further in product(*choices)
    ]
    costs = [cost(trial) for trial in trials]
    if not kept or min(costs) > few.fval - _PROMISING:
        return few, kept
    begin = [*trials[int(np.argmin(costs))][:2], *(p.starts[0] for p in shape)]
    more = _migrad(cost, names, bounds, begin, frozenset(), n_events, quick=True)
    return (more, frozenset()) if more.fval < few.fval - len(kept) else (few, kept)


def _meaningless(
    minuit: Any, model: LineModel, bounds: Sequence[Window], fixed: frozenset[int]
) -> frozenset[int]:
    """Parameters that are free and at a bound without harm, or which the data do not determine."""
    found = set()
    for k, parameter in enumerate(model.shape, start=2):
        if k in fixed:
            continue
        if parameter.needs and model.parameters.index(parameter.needs) in fixed:
            found.add(k)
        elif parameter.free_bound is not None:
            # The errors of a bounded parameter end at its bounds; its covariance does not.
            variance = minuit.covariance[k, k] if minuit.valid and minuit.covariance is not None else 0.0
            undetermined = variance > (parameter.high - parameter.low) ** 2
            if undetermined or _is_at(minuit.values[k], parameter.free_bound, bounds[k]):
                found.add(k)
    return frozenset(found)


def _kept(model: LineModel, index: int, fixed: frozenset[int]) -> float:
    """Return where a fixed parameter is kept: at its bound, or anywhere if it means nothing."""
    parameter = model.shape[index - 2]
    means_nothing = bool(parameter.needs) and model.parameters.index(parameter.needs) in fixed
    if means_nothing or parameter.free_bound is None:
        return parameter.starts[0]
    return parameter.free_bound


def _migrad(
    cost: Cost,
    names: Sequence[str],
    bounds: Sequence[Window],
    start: Sequence[float],
    fixed: frozenset[int],
    n_events: int,
    quick: bool = False,
) -> Any:
    from iminuit import Minuit

    inside = [
        value if k in fixed else float(np.clip(value, *_inner(bound)))
        for k, (value, bound) in enumerate(zip(start, bounds, strict=True))
    ]
    minuit = Minuit(cost, np.array(inside), name=tuple(names))
    minuit.errordef = Minuit.LIKELIHOOD
    minuit.strategy, minuit.tol = (0, 1.0) if quick else (1, 0.1)
    for k, bound in enumerate(bounds):
        if k in fixed:
            minuit.fixed[k] = True
        else:
            minuit.limits[k] = bound
    scale = inside[1] / np.sqrt(n_events)
    minuit.errors = [scale, scale, *(0.1 * (high - low) / 5 for low, high in bounds[2:])]
    minuit.migrad()
    if minuit.valid:
        minuit.hesse()
    return minuit


def _judge(
    minuit: Any, model: LineModel, bounds: Sequence[Window], fixed: frozenset[int]
) -> tuple[Floats, Floats, float] | str:
    if not minuit.valid:
        return "no valid minimum"
    if not minuit.accurate or minuit.covariance is None:
        return "no accurate covariance"
    for k, name in enumerate(model.parameters):
        if k not in fixed and any(_is_at(minuit.values[k], bound, bounds[k]) for bound in bounds[k]):
            return f"{name} ran into its bound"
    values = np.array(minuit.values, np.float64)
    covariance = np.array(minuit.covariance, np.float64)
    free = [k for k in range(len(values)) if k not in fixed]
    variances = np.diag(covariance)[free]
    if not np.isfinite(covariance).all() or (variances <= 0).any():
        return "no positive covariance"
    if np.sqrt(variances[1]) > values[1]:
        return f"{SIGMA} is not determined by the data"
    if np.sqrt(variances[0]) > bounds[0][1] - bounds[0][0]:
        return f"{PEAK} is not determined by the data"
    low, high = bounds[0]
    if values[0] - _CORE * values[1] < low or values[0] + _CORE * values[1] > high:
        # A wide line describes any smooth spectrum, and is none.
        return "the line does not lie inside the range"
    return values, covariance, float(minuit.fval)


def _inner(bound: Window) -> Window:
    margin = 0.01 * (bound[1] - bound[0])
    return bound[0] + margin, bound[1] - margin


def _is_at(value: float, bound: float, bounds: Window) -> bool:
    return abs(value - bound) <= _AT_BOUND * (bounds[1] - bounds[0])
