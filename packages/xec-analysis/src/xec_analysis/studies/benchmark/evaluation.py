"""All numbers of all sets, from the files of estimates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from xec_analysis.studies.benchmark.bounds import BOUND, bound_ratios, bound_rows
from xec_analysis.studies.benchmark.commands import NETWORK, estimates_path
from xec_analysis.studies.benchmark.content import SetNumbers
from xec_analysis.studies.benchmark.estimates import Estimates, assign, read_estimate_columns
from xec_analysis.studies.benchmark.measurement import dead_losses, measure_set
from xec_analysis.studies.benchmark.methods import CRAMER_RAO, METHODS
from xec_analysis.studies.benchmark.sets import EventSet
from xec_analysis.studies.benchmark.truth import SetTruth
from xec_data.reading.columns import read_columns


def measure_all(
    truths: Mapping[str, SetTruth], others: Mapping[str, Sequence[Estimates]], folder: Path
) -> tuple[SetNumbers, ...]:
    """Measure the methods of every set, whose files are in a folder, and those of others.

    Parameters
    ----------
    truths
        The sets by name.
    others
        Name of a set → further estimates.
    folder
        The folder.
    """
    estimates = {name: [*_own_estimates(truth, folder), *others[name]] for name, truth in truths.items()}
    numbers = {
        name: _with_bound(measure_set(truth, estimates[name]), truth, estimates[name], folder)
        for name, truth in truths.items()
    }
    for name, truth in truths.items():
        partners = (other for other in truths.values() if _is_healthy_form(other.events, truth.events))
        healthy = next(partners, None)
        if healthy is not None:
            losses = dead_losses(truth, estimates[name], healthy, estimates[healthy.events.name])
            numbers[name] = replace(numbers[name], dead_losses=tuple(losses))
    return tuple(numbers.values())


def _own_estimates(truth: SetTruth, folder: Path) -> list[Estimates]:
    methods = [NETWORK, *(method.name for method in METHODS.values() if method.suits(truth.events))]
    files = {method: folder / estimates_path(truth.events, method) for method in methods}
    return [assign(read_estimate_columns(path), truth, method) for method, path in files.items()]


def _with_bound(
    numbers: SetNumbers, truth: SetTruth, methods: Sequence[Estimates], folder: Path
) -> SetNumbers:
    if not CRAMER_RAO.suits(truth.events):
        return numbers
    columns = read_columns(folder / estimates_path(truth.events, BOUND))
    bounds = assign(columns, truth, BOUND).sigma
    return replace(
        numbers,
        resolutions=(*numbers.resolutions, *bound_rows(bounds, truth)),
        bound_ratios=tuple(bound_ratios(bounds, truth, methods)),
    )


def _is_healthy_form(candidate: EventSet, events: EventSet) -> bool:
    return candidate.population == events.population and candidate.dead < events.dead
