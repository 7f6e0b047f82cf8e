"""Metrics of the validation, run by run: values with errors, ranks, differences on the same events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from xec_analysis.comparison.compared_run import ComparedRun
from xec_analysis.comparison.matching import match_events
from xec_analysis.comparison.measures import Measure, measures_of
from xec_analysis.errors import AnalysisError
from xec_analysis.resolution.paired_widths import SIGNIFICANCE, width_ratio
from xec_analysis.resolution.results import Results
from xec_analysis.resolution.statistics import Number
from xec_analysis.runs.run_comparison import common_panels
from xec_analysis.runs.training_curves import LOSS, Panel, spellings
from xec_analysis.style.quantities import PERCENT, with_unit
from xec_data.tasks.table import TASKS


@dataclass(frozen=True)
class Member:
    """What is compared: a run, or a file of predictions.

    Attributes
    ----------
    label
        Its name.
    run
        The run; None for a file.
    results
        Predictions beside the truth; None if there are none.
    """

    label: str
    run: ComparedRun | None = None
    results: Results | None = None


@dataclass(frozen=True)
class Standing:
    """One member in one metric.

    Attributes
    ----------
    label
        The member.
    value
        Its number in the metric's unit, that of a run in its best epoch, with its error where the
        predictions are known.
    rank
        1 for the best; None without a number.
    difference
        From the reference: relative, in percent, or of a loss the difference itself; None for the reference
        and where it is not known.
    n_matched
        Number of events in common with the reference that the difference is about; 0 if the events of each
        were taken as independent.
    smallest, smallest_epoch
        The best number of all epochs of a run, and its epoch; NaN for a file.
    """

    label: str
    value: Number
    rank: int | None = None
    difference: Number | None = None
    n_matched: int = 0
    smallest: float = np.nan
    smallest_epoch: float = np.nan


@dataclass(frozen=True)
class MetricComparison:
    """One metric of all members.

    Attributes
    ----------
    name
        What the training calls it.
    panel
        Its label and unit.
    standings
        Member by member, in their order; the first is the reference.
    """

    name: str
    panel: Panel
    standings: tuple[Standing, ...]

    @property
    def is_loss(self) -> bool:
        """Whether it is the loss, whose differences are not relative."""
        return self.panel.label == LOSS

    def verdict(self, standing: Standing) -> str:
        """Return better, worse, same, or nothing if the difference is less than `SIGNIFICANCE` errors."""
        difference = standing.difference
        if difference is None or difference.error is None:
            return ""
        if difference.value == 0 and difference.error == 0:
            return "same"
        if not abs(difference.value) > SIGNIFICANCE * difference.error:
            return "even"
        return "better" if (difference.value > 0) == self.panel.rising else "worse"


def compare_metrics(members: Sequence[Member]) -> tuple[list[MetricComparison], list[str]]:
    """Compare all metrics that members have in common.

    Parameters
    ----------
    members
        Runs with metrics, or files of predictions; the first is the reference.

    Returns
    -------
    list of MetricComparison, list of str
        The metrics, and a line for each thing that a reader has to know about the events.

    Raises
    ------
    AnalysisError
        If they have no metric in common.
    """
    measures = {measure.name: measure for measure in _common_measures(members)}
    runs = {member.label: member.run for member in members if member.run is not None}
    notes: dict[str, None] = {}
    found = []
    for name, panel in _common_metrics(members, runs, measures):
        measure = next((measures[key] for key in measures if name in spellings(key)), None)
        if measure is None:
            values = {label: Number(run.at_best(name)).scaled(panel.factor) for label, run in runs.items()}
            standings = [Standing(label, value) for label, value in values.items()]
            standings = [_beside(standing, standings[0], panel) for standing in standings]
        else:
            standings = _predicted(members, measure, panel, notes)
        with_best = [
            _with_smallest(standing, runs.get(standing.label), name, panel) for standing in standings
        ]
        found.append(MetricComparison(name, panel, tuple(_ranked(with_best, panel))))
    return found, list(notes)


def mean_ranks(metrics: Sequence[MetricComparison], *, with_loss: bool = True) -> dict[str, float]:
    """Return the mean rank of each member over all metrics in which all have a number.

    Parameters
    ----------
    metrics
        From `compare_metrics`.
    with_loss
        Whether the loss counts where there are other metrics.
    """
    others = [metric for metric in metrics if not metric.is_loss]
    counted = [
        metric
        for metric in (metrics if with_loss or not others else others)
        if all(standing.rank is not None for standing in metric.standings)
    ]
    ranks: dict[str, list[int]] = {}
    for metric in counted:
        for standing in metric.standings:
            ranks.setdefault(standing.label, []).append(standing.rank or 0)
    return {label: float(np.mean(values)) for label, values in ranks.items()}


def _common_measures(members: Sequence[Member]) -> Iterator[Measure]:
    for name, task in TASKS.items():
        if all(member.results is not None and name in member.results.tasks for member in members):
            yield from measures_of(task)


def _common_metrics(
    members: Sequence[Member], runs: Mapping[str, ComparedRun], measures: Mapping[str, Measure]
) -> list[tuple[str, Panel]]:
    if len(runs) == len(members):
        return [(name, panel) for panel, name in common_panels({x: run.curves for x, run in runs.items()})]
    if not measures:
        parts = [
            f"{member.label} ({', '.join(member.results.tasks) if member.results else 'no predictions'})"
            for member in members
        ]
        raise AnalysisError(f"no task in common: {', '.join(parts)}")
    panels = []
    for name, measure in measures.items():
        result = next(member.results for member in members if member.results).tasks[measure.task]
        unit = measure.unit(measure.width(measure.per_event(result)))
        label = with_unit(measure.label, unit)
        panels.append((name, Panel(label, {name: ""}, factor=unit.factor, rising=measure.rising)))
    return panels


def _predicted(
    members: Sequence[Member], measure: Measure, panel: Panel, notes: dict[str, None]
) -> list[Standing]:
    results = {x.label: x.results.tasks[measure.task] for x in members if x.results is not None}
    first = members[0].label
    numbers = {
        label: measure.with_error(measure.per_event(result)).scaled(panel.factor)
        for label, result in results.items()
    }
    standings = [Standing(first, numbers[first])]
    for label, result in list(results.items())[1:]:
        matching = match_events(results[first], result)
        if matching.problem:
            notes.setdefault(
                f"{label} and {first} were not measured on the same events: {matching.problem}; "
                "the errors of their differences are those of independent events"
            )
            standings.append(Standing(label, numbers[label], difference=_unpaired(numbers, label, first)))
            continue
        if len(matching) < max(len(results[first]), len(result)):
            notes.setdefault(
                f"{measure.task}: {len(matching)} events in common by {matching.how}, of "
                f"{len(results[first])} of {first} and {len(result)} of {label}; differences are about these"
            )
        values = measure.per_event(result)[matching.other], measure.per_event(results[first])[matching.one]
        difference = _percent(width_ratio(*values, measure.width))
        standings.append(Standing(label, numbers[label], difference=difference, n_matched=len(matching)))
    return standings


def _unpaired(numbers: Mapping[str, Number], label: str, first: str) -> Number | None:
    one, other = numbers[label], numbers[first]
    if not other.value > 0 or not one.value > 0:
        return None
    ratio = one.value / other.value
    relative = np.hypot((one.error or 0.0) / one.value, (other.error or 0.0) / other.value)
    return _percent(Number(ratio, float(ratio * relative)))


def _percent(ratio: Number) -> Number | None:
    if not np.isfinite(ratio.value):
        return None
    return Number(ratio.value - 1, ratio.error).scaled(PERCENT.factor)


def _beside(standing: Standing, first: Standing, panel: Panel) -> Standing:
    one, other = standing.value.value, first.value.value
    if standing is first or not np.isfinite([one, other]).all():
        return standing
    if panel.label == LOSS:
        return replace(standing, difference=Number(one - other))
    return replace(standing, difference=_percent(Number(one / other)) if other > 0 else None)


def _with_smallest(standing: Standing, run: ComparedRun | None, name: str, panel: Panel) -> Standing:
    if run is None:
        return standing
    curve = run.curves[name]
    finite = np.isfinite(curve.value)
    if not finite.any():
        return standing
    values, epochs = curve.value[finite], curve.epoch[finite]
    place = int(np.argmax(values) if panel.rising else np.argmin(values))
    return replace(
        standing, smallest=float(values[place]) * panel.factor, smallest_epoch=float(epochs[place])
    )


def _ranked(standings: Sequence[Standing], panel: Panel) -> Iterator[Standing]:
    sign = -1.0 if panel.rising else 1.0
    values = [sign * standing.value.value for standing in standings]
    for standing, value in zip(standings, values, strict=True):
        rank = 1 + sum(other < value for other in values) if np.isfinite(value) else None
        yield replace(standing, rank=rank)
