"""All figures of merit of results, overall and in bins."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from xec_analysis.fitting.line_fit import LineFit
from xec_analysis.metrics.binning import (
    DEFAULT_BINS,
    BinRequest,
    EventsOfBin,
    sort_events,
    unit_of,
    variable_values,
)
from xec_analysis.metrics.content import Bin, Binning, Core, Kind, Metrics, Series, Value
from xec_analysis.metrics.core_fit import FEWEST_IN_BINS, REACH, SHAPE_IN_BINS, akaike, best_fit, fit_core
from xec_analysis.metrics.measures import measures_of, methods, value_of
from xec_analysis.metrics.resampling import draw_counts, moments
from xec_analysis.metrics.series import RawSeries, series_of
from xec_analysis.resolution.results import Results, TaskResult
from xec_analysis.runs.provenance import versions

Floats = NDArray[np.float64]
Columns = Mapping[str, NDArray[Any]]

_FITTED: frozenset[Kind] = frozenset({"residual", "relative"})
_CORE = (
    f"σ of the core, fitted within ± {REACH:g} half widths of the median: of the shapes whose fit is good "
    f"that with the lowest AIC; in bins of at least {FEWEST_IN_BINS} events {SHAPE_IN_BINS}, without tails "
    "where these do not lower the AIC; error: covariance of the fit"
)


def measure(
    estimates: Mapping[str, Results],
    name: str,
    columns: Columns | None = None,
    bins: Sequence[BinRequest] = (),
) -> Metrics:
    """Measure how good estimates are.

    Parameters
    ----------
    estimates
        Results of the same file by the name of the estimate; at least one.
    name
        Name of the run or file.
    columns
        All columns of the file, whose variables bins may name.
    bins
        The bins; by default those of `DEFAULT_BINS` whose variable there is.

    Raises
    ------
    AnalysisError
        If a variable is not there.
    """
    first = next(iter(estimates.values()))
    sizes = [result.n_events for results in estimates.values() for result in results.tasks.values()]
    counts = draw_counts(max(sizes, default=0))
    series = [
        one
        for estimate, results in estimates.items()
        for result in results.tasks.values()
        for one in _measure_task(estimate, result, counts, columns or {}, bins or _default_bins(result))
    ]
    return Metrics(
        name=name,
        reference=first.reference.name,
        method={**methods(), "core": _CORE},
        versions=versions(),
        notes=list(dict.fromkeys(note for results in estimates.values() for note in results.notes)),
        series=series,
    )


def measure_overall(results: Results, estimate: str = "network") -> list[Series]:
    """Measure how good estimates are, without bins: the series of all tasks."""
    counts = draw_counts(max((result.n_events for result in results.tasks.values()), default=0))
    return [
        series
        for result in results.tasks.values()
        for series in _measure_task(estimate, result, counts, {}, ())
    ]


def _default_bins(result: TaskResult) -> list[BinRequest]:
    return [request for request in DEFAULT_BINS if request.variable in result.variables]


def _measure_task(
    estimate: str, result: TaskResult, counts: NDArray[np.uint8], columns: Columns, bins: Sequence[BinRequest]
) -> Iterator[Series]:
    raw = list(series_of(result))
    everything = [EventsOfBin(-np.inf, np.inf, np.arange(len(result)))]
    drawn = counts[result.entries]
    whole = _in_bins(raw, everything, drawn, lambda values: core_of(fit_core(values)))
    binnings: list[list[Binning]] = [[] for _ in raw]
    for request in bins:
        variable = variable_values(request, result, columns)
        parts = sort_events(request, variable)
        for number, measured in enumerate(_in_bins(raw, parts, drawn, _core_in_bin)):
            found = [
                Bin(
                    low=part.low,
                    high=part.high,
                    centre=float(np.median(variable[part.events])) if len(part.events) else None,
                    events=numbers.events,
                    values=numbers.values,
                    core=numbers.core,
                )
                for part, numbers in zip(parts, measured, strict=True)
            ]
            usable = int(np.isfinite(raw[number].values).sum())
            outside = usable - sum(one.events for one in found)
            binnings[number].append(
                Binning(
                    variable=request.variable, unit=unit_of(request.variable), outside=outside, bins=found
                )
            )
    for one, measured, sorted_into in zip(raw, whole, binnings, strict=True):
        numbers = measured[0]
        yield Series(
            estimate=estimate,
            task=result.task,
            quantity=one.quantity,
            kind=one.kind,
            unit=one.unit,
            events=numbers.events,
            left_out=result.n_events - numbers.events,
            values=numbers.values,
            core=numbers.core,
            binnings=sorted_into,
        )


class _Numbers(NamedTuple):
    events: int
    values: dict[str, Value]
    core: Core | None


def _core_in_bin(values: Floats) -> Core:
    return core_of(fit_core(values, in_bin=True))


def _in_bins(
    raw: Sequence[RawSeries],
    parts: Sequence[EventsOfBin],
    drawn: NDArray[np.uint8],
    fit: Callable[[Floats], Core],
) -> list[list[_Numbers]]:
    """Measure every series in every bin, series by series."""
    found: list[list[_Numbers]] = [[] for _ in raw]
    for part in parts:
        weights = drawn[part.events]
        table = np.column_stack([one.values[part.events] for one in raw])
        finite = np.isfinite(table)
        whole = finite.all(axis=0)
        # One product of matrices for all series with the same events.
        together = moments(table[:, whole], weights) if len(table) and whole.any() else []
        of_series = dict(zip(np.flatnonzero(whole).tolist(), together, strict=True)) if len(table) else {}
        for number, one in enumerate(raw):
            usable = finite[:, number]
            values = np.sort(table[usable, number])
            known = of_series.get(number)
            if known is None and len(values):
                (known,) = moments(table[usable, number][:, np.newaxis], weights[usable])
            core = fit(values) if one.kind in _FITTED else None
            found[number].append(_Numbers(len(values), measures_of(one.kind, values, known), core))
    return found


def core_of(fits: dict[str, LineFit]) -> Core:
    """Return the best of several fits as it is in files."""
    best = best_fit(fits)
    if not best.is_good:
        return Core(status=best.status)
    lowest = akaike(best)
    return Core(
        status=best.status,
        model=best.model.name,
        sigma=value_of(best.sigma),
        peak=value_of(best.peak),
        shape={p.name: value_of(best.shape(p.name)) for p in best.model.shape},
        chi2=best.chi2 if best.ndf else None,
        ndf=best.ndf or None,
        aic={name: akaike(fit) - lowest for name, fit in fits.items() if fit.is_good},
    )
