"""From estimates and truth to the numbers of a set."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xec_analysis.resolution.paired_widths import best_method, width_ratio, width_ratios
from xec_analysis.resolution.profiles import bins_of
from xec_analysis.resolution.statistics import (
    Number,
    containment,
    half_width,
    median,
    pull_width,
    root_mean_square,
    spread,
)
from xec_analysis.studies.benchmark.content import Binned, DeadLoss, Pull, Resolution, SetNumbers
from xec_analysis.studies.benchmark.estimates import Estimates
from xec_analysis.studies.benchmark.truth import Floats, SetTruth
from xec_analysis.style.quantities import PERCENT, Unit, joint_quantity, quantity, quantity_of
from xec_data.tasks.table import TASKS
from xec_models.regressor.metrics import half_width_68, percentile_68

Indices = NDArray[np.int64]

VARIABLES = ("w", "energy")
"""Depth and energy of the photon."""

_N_BINS = 8
LEAST_EVENTS = 10
"""Smallest number of events that a number is made of."""

_PULL_EDGES = np.linspace(-5, 5, 51)


@dataclass(frozen=True)
class Residuals:
    """Deviations of one quantity from the truth.

    Attributes
    ----------
    task, name
        The task, and the output, or the measure of all its outputs together.
    unit
        The unit of the numbers below.
    values
        (n,) deviations; NaN for events without an estimate.
    sigma
        (n,) the standard deviations that the method states, if it does.
    distance
        Whether they are distances, which have no sign, instead of differences.
    """

    task: str
    name: str
    unit: str
    values: Floats
    sigma: Floats | None
    distance: bool

    @property
    def width(self) -> Callable[[Floats], Number]:
        """The function that measures the 68 % width."""
        return containment if self.distance else half_width

    @property
    def bare_width(self) -> Callable[[Floats], float]:
        """The same without an error."""
        return percentile_68 if self.distance else half_width_68


def residuals_of(estimates: Estimates, truth: SetTruth) -> Iterator[Residuals]:
    """Yield the residuals of every quantity that a method estimates, in the smallest unit of the display."""
    for task, values in estimates.values.items():
        spec, true = TASKS[task], truth.values[task]
        stated = estimates.sigma.get(task)
        for k, output in enumerate(spec.outputs):
            unit, scale = residual_scale(task, k, true)
            sigma = None if stated is None else stated[:, k] * scale
            difference = output.difference(values[:, k], true[:, k])
            name = quantity_of(output).plain
            yield Residuals(task, name, unit, difference * scale, sigma, distance=False)
        if spec.joint is not None:
            joint_unit = joint_quantity(spec.joint).units.residuals[0]
            off = spec.joint.function(values, true) * joint_unit.factor
            yield Residuals(task, spec.joint.symbol, joint_unit.name, off, None, distance=True)


def residual_scale(task: str, column: int, true: Floats) -> tuple[str, Floats | float]:
    """Return the unit of an output's residuals, and the factor to it: (n,) if they are relative."""
    output = TASKS[task].outputs[column]
    if output.residual == "ratio":
        return PERCENT.name, PERCENT.factor / true[:, column]
    smallest: Unit = quantity_of(output).units.residuals[0]
    return smallest.name, smallest.factor


def measure_set(truth: SetTruth, methods: Sequence[Estimates]) -> SetNumbers:
    """Measure all methods on a set."""
    resolutions, pulls = [], []
    complete: dict[str, dict[str, Residuals]] = defaultdict(dict)
    for estimates in methods:
        for residuals in residuals_of(estimates, truth):
            if np.isfinite(residuals.values).sum() < LEAST_EVENTS:
                continue
            resolutions.append(_resolution(estimates.method, residuals, truth))
            if np.isfinite(residuals.values).all():
                complete[residuals.name][estimates.method] = residuals
            if residuals.sigma is not None:
                pulls.append(_pull(estimates.method, residuals, truth))
    best = {name: _best(of_method) for name, of_method in complete.items()}
    return SetNumbers(
        truth.events.name,
        truth.events.title,
        len(truth),
        tuple(resolutions),
        tuple(p for p in pulls if p),
        best={name: method for name, method in best.items() if method is not None},
    )


def dead_losses(
    truth: SetTruth, methods: Sequence[Estimates], healthy: SetTruth, references: Sequence[Estimates]
) -> Iterator[DeadLoss]:
    """Yield the loss of every method by dead sensors.

    Parameters
    ----------
    truth, methods
        The set with dead sensors.
    healthy, references
        The same events without.
    """
    before = {
        (estimates.method, residuals.name): residuals.values
        for estimates in references
        for residuals in residuals_of(estimates, healthy)
    }
    for estimates in methods:
        for residuals in residuals_of(estimates, truth):
            reference = before.get((estimates.method, residuals.name))
            if reference is None:
                continue
            both = np.isfinite(residuals.values) & np.isfinite(reference)
            if both.sum() < LEAST_EVENTS:
                continue
            ratio = width_ratio(residuals.values[both], reference[both], residuals.bare_width)
            yield DeadLoss(estimates.method, residuals.name, ratio)


def profiles_of(
    truth: SetTruth, usable: NDArray[np.bool_], number: Callable[[Indices], Number]
) -> tuple[Binned, ...]:
    """Return a number in bins of each of `VARIABLES` that varies.

    Parameters
    ----------
    truth
        The set.
    usable
        (n,) which events count.
    number
        From indices of events to the number of a bin.
    """
    varying = (name for name in VARIABLES if np.ptp(truth.variable(name)) > 0)
    profiles = (
        binned(truth, name, bins_of(truth.variable(name), _N_BINS), usable, number) for name in varying
    )
    return tuple(profile for profile in profiles if profile.numbers)


def binned(
    truth: SetTruth,
    variable: str,
    bins: Sequence[Indices],
    usable: NDArray[np.bool_],
    number: Callable[[Indices], Number],
    least: int = LEAST_EVENTS,
) -> Binned:
    """Return a number in given bins of a variable, without those with few usable events.

    Parameters
    ----------
    truth, usable, number
        As for `profiles_of`.
    variable, bins
        Name of the variable, and the events in each bin: all of them, so that the bins of all methods have
        the same edges.
    least
        Smallest number of usable events of a bin.
    """
    unit, values = quantity(variable).unit, truth.variable(variable)
    chosen = [(part, part[usable[part]]) for part in bins]
    chosen = [(part, good) for part, good in chosen if len(good) >= least]
    parts = [values[part] * unit.factor for part, _ in chosen]
    return Binned(
        variable,
        unit.name,
        tuple(float(part.min()) for part in parts),
        tuple(float(np.median(part)) for part in parts),
        tuple(float(part.max()) for part in parts),
        tuple(number(good) for _, good in chosen),
    )


def _best(of_method: dict[str, Residuals]) -> str | None:
    width = next(iter(of_method.values())).bare_width
    values = {method: residuals.values for method, residuals in of_method.items()}
    return best_method(width_ratios(values, width))


def _resolution(method: str, residuals: Residuals, truth: SetTruth) -> Resolution:
    usable = np.isfinite(residuals.values)
    values = residuals.values[usable]
    return Resolution(
        method=method,
        quantity=residuals.name,
        unit=residuals.unit,
        events=len(values),
        width=residuals.width(values),
        rms=root_mean_square(values) if residuals.distance else spread(values),
        bias=None if residuals.distance else median(values),
        profiles=profiles_of(truth, usable, lambda part: residuals.width(residuals.values[part])),
    )


def _pull(method: str, residuals: Residuals, truth: SetTruth) -> Pull | None:
    assert residuals.sigma is not None
    values, sigma = residuals.values, residuals.sigma
    usable = np.isfinite(values) & np.isfinite(sigma)
    if usable.sum() < LEAST_EVENTS:
        return None
    counts, _ = np.histogram(values[usable] / sigma[usable], _PULL_EDGES)
    return Pull(
        method=method,
        quantity=residuals.name,
        width=pull_width(values[usable], sigma[usable]),
        profiles=profiles_of(truth, usable, lambda part: pull_width(values[part], sigma[part])),
        edges=tuple(_PULL_EDGES.tolist()),
        counts=tuple(counts.tolist()),
    )
