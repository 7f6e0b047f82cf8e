"""Files of estimates: columns ``pred_<output>`` of a method, assigned to the events of a set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xec_analysis.errors import AnalysisError
from xec_analysis.resolution.columns import truth_in
from xec_analysis.resolution.loading import read_csv
from xec_analysis.studies.benchmark.sets import TASKS_MEASURED
from xec_analysis.studies.benchmark.truth import IDENTITY, Floats, Integers, SetTruth
from xec_analysis.style.quantities import quantity_of
from xec_data.reading.columns import read_columns
from xec_data.schema.branches import is_invalid
from xec_data.tasks.table import TASKS

Columns = Mapping[str, NDArray[Any]]

_ENTRY = "entry"
# Truth that went through 32 bits or a table of seven digits is still the same truth.
_SAME = 1e-5


class MismatchError(AnalysisError):
    """Estimates that are not of the events of a set."""


@dataclass(frozen=True)
class Estimates:
    """What a method says about the events of a set.

    Attributes
    ----------
    method
        Its name.
    values
        Task → (n, outputs) in xec's units; NaN for events without an estimate.
    sigma
        Task → (n, outputs), the standard deviations that the method states, for the tasks for which it does.
    """

    method: str
    values: dict[str, Floats]
    sigma: dict[str, Floats]


def read_estimate_columns(path: Path) -> dict[str, NDArray[Any]]:
    """Read a ROOT or CSV file of estimates.

    Raises
    ------
    AnalysisError
        If there is no such file, or it has no estimates of any task.
    DataError
        If it cannot be read.
    """
    if not path.is_file():
        raise AnalysisError(
            f"no such file: {path}; expected a file with estimates, as `xec predict` writes it"
        )
    columns = read_csv(path) if path.suffix.lower() == ".csv" else read_columns(path)
    if not tasks_in(columns):
        expected = "; ".join(
            ", ".join(f"pred_{out}" for out in TASKS[t].output_names) for t in TASKS_MEASURED
        )
        found = ", ".join(sorted(columns)[:8]) or "nothing"
        raise AnalysisError(f"{path}: no estimates in it; expected {expected}; found {found}")
    return dict(columns)


def tasks_in(columns: Columns, prefix: str = "pred_") -> list[str]:
    """List the tasks of which all columns are there."""
    return [
        task
        for task in TASKS_MEASURED
        if all(f"{prefix}{name}" in columns for name in TASKS[task].output_names)
    ]


def assign(columns: Columns, truth: SetTruth, method: str) -> Estimates:
    """Assign the lines of a file to the events of a set.

    By run and event where the file has both, else by the column ``entry``, else line by line. Truth in the
    file must be that of the set. A file may lack events.

    Parameters
    ----------
    columns
        The file.
    truth
        The set.
    method
        Name of the method.

    Raises
    ------
    MismatchError
        If the file is about other events.
    """
    places = _places(columns, truth)
    _require_same_truth(columns, truth, places)

    def spread_out(prefix: str) -> dict[str, Floats]:
        found = {}
        for task in tasks_in(columns, prefix):
            values = np.full((len(truth), len(TASKS[task].output_names)), np.nan)
            for k, name in enumerate(TASKS[task].output_names):
                values[places, k] = columns[f"{prefix}{name}"]
            found[task] = np.where(is_invalid(values), np.nan, values)
        return found

    sigma = {task: np.where(values > 0, values, np.nan) for task, values in spread_out("sigma_").items()}
    return Estimates(method, spread_out("pred_"), sigma)


def _places(columns: Columns, truth: SetTruth) -> Integers:
    n = len(next(iter(columns.values())))
    if all(name in columns for name in IDENTITY):
        return _places_by_event(columns, truth)
    if _ENTRY in columns:
        places = np.asarray(columns[_ENTRY], dtype=np.int64)
        wrong = (places < 0) | (places >= len(truth))
        if wrong.any():
            raise MismatchError(f"entry {places[wrong][0]}, expected 0 to {len(truth) - 1}")
        _require_distinct(places, lambda i: f"entry {places[i]}")
        return places
    if n != len(truth):
        raise MismatchError(f"{n} events, expected {len(truth)}")
    return np.arange(n)


def _places_by_event(columns: Columns, truth: SetTruth) -> Integers:
    theirs = np.column_stack([np.asarray(columns[name], dtype=np.int64) for name in IDENTITY])
    known = {
        pair: place for place, pair in enumerate(zip(truth.run.tolist(), truth.event.tolist(), strict=True))
    }
    places = np.array([known.get((run, event), -1) for run, event in theirs.tolist()], dtype=np.int64)
    if (places < 0).any():
        first = theirs[places < 0][0]
        raise MismatchError(
            f"{int((places < 0).sum())} of {len(places)} events are not in it, such as run {first[0]}, "
            f"event {first[1]} (expected run {truth.run[0]}, "
            f"events {truth.event.min()} to {truth.event.max()})"
        )
    _require_distinct(places, lambda i: f"run {theirs[i, 0]}, event {theirs[i, 1]}")
    return places


def _require_distinct(places: Integers, describe: Any) -> None:
    _, first, counts = np.unique(places, return_index=True, return_counts=True)
    if (counts > 1).any():
        again = int(first[counts > 1][0])
        raise MismatchError(f"{describe(again)} occurs {int(counts.max())} times, expected once")


def _require_same_truth(columns: Columns, truth: SetTruth, places: Integers) -> None:
    for task, ours in truth.values.items():
        # The unit of emission angles in files of others is not known.
        if TASKS[task].direction is not None or (theirs := truth_in(columns, task)) is None:
            continue
        scale = np.abs(ours).max(axis=0)
        differs = ~(np.abs(theirs - ours[places]) <= _SAME * scale)
        if differs.any():
            line, column = np.argwhere(differs)[0]
            output = TASKS[task].outputs[column]
            name, unit = quantity_of(output).plain, output.unit
            raise MismatchError(
                f"the true {name} of its event {line} is {theirs[line, column]:.6g} {unit}, "
                f"expected {ours[places[line], column]:.6g} {unit}"
            )
