"""Results collected from the columns of a file: predictions beside what they are compared with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xec_analysis.errors import AnalysisError
from xec_analysis.resolution.columns import (
    Columns,
    Floats,
    predicted_tasks,
    predicted_values,
    shortened_names,
    true_variables,
    truth_in,
    unknown_predictions,
)
from xec_analysis.resolution.results import PHOTONS, TRUTH, Reference, Results, TaskResult
from xec_data.checking.plausibility import implausible, is_measured
from xec_data.schema.branches import NPHO_BRANCH, is_invalid, sum_of_valid
from xec_data.tasks.table import TASKS
from xec_models.regressor.predictions import NPHO_SUM, SIGMA


def collect_results(columns: Columns, name: str, source: Path, tasks: Sequence[str] | None = None) -> Results:
    """Turn the columns of a file into results.

    Parameters
    ----------
    columns
        `pred_<output>` of shape (n,), truth as `truth_<output>` or under the names of the schema.
    name, source, tasks
        As in `Results` and `load_results`.

    Raises
    ------
    AnalysisError
        As `load_results`.
    """
    predicted = predicted_tasks(columns, source)
    measured = [task for task in predicted if is_measured(columns, task)]
    truths = {task: None if task in measured else truth_in(columns, task) for task in predicted}
    for task, truth in truths.items():
        if truth is not None and (problem := implausible(task, truth)):
            raise AnalysisError(f"{source}: the truth of {task}: {problem}")
    comparable = [task for task in predicted if truths[task] is not None]
    for task in tasks or ():
        if task not in predicted:
            raise AnalysisError(
                f"{source}: no predictions of the task {task!r}; it has those of {', '.join(predicted)}"
            )
        if task not in comparable:
            branches = " or ".join(TASKS[task].truth.branches)
            raise AnalysisError(
                f"{source}: no truth of the task {task!r} (branch {branches}); "
                f"found {shortened_names(columns)}"
            )
    if not comparable:
        needed = sorted({branch for task in predicted for branch in TASKS[task].truth.branches})
        raise AnalysisError(
            f"{source}: predictions of {', '.join(predicted)}, but no truth to compare them with "
            f"(expected {' or '.join(needed)}, or a conventional reconstruction: {_conventional_branches()})"
        )
    variables = true_variables(columns)
    chosen = [task for task in comparable if tasks is None or task in tasks]
    results = {
        task: task_result(task, columns, truth, variables)
        for task in chosen
        if (truth := truths[task]) is not None
    }
    empty = [task for task, result in results.items() if len(result) == 0]
    if len(empty) == len(results):
        raise AnalysisError(
            f"{source}: not one event with a finite prediction and truth of {', '.join(empty)}"
        )
    notes = [_without_truth(task, source, task in measured) for task in predicted if task not in comparable]
    if unknown := unknown_predictions(columns):
        notes.append(
            f"{', '.join(unknown)} in {source.name}: not an output of any installed task, not plotted"
        )
    notes += [f"no event with a finite prediction and truth of {task}: not plotted" for task in empty]
    return Results(
        name,
        source,
        {task: result for task, result in results.items() if len(result)},
        tuple(notes) if tasks is None else (),
    )


def task_result(
    task: str,
    columns: Columns,
    truth: Floats,
    variables: Mapping[str, Floats],
    *,
    prediction: Floats | None = None,
    reference: Reference = TRUTH,
    remark: str = "",
) -> TaskResult:
    """Put predictions beside what they are compared with, without the events where one of them is no number.

    Parameters
    ----------
    task
        Name of the task.
    columns
        Columns of the file.
    truth
        (n, outputs) values of the reference.
    variables
        Values of all events, by name, (n,).
    prediction
        (n, outputs); by default that of the file.
    reference, remark
        As in `TaskResult`.
    """
    prediction = predicted_values(columns, task) if prediction is None else prediction
    good_prediction = ~is_invalid(prediction).any(axis=1)
    good_truth = ~is_invalid(truth).any(axis=1)
    usable = np.asarray(good_prediction & good_truth)
    n = len(prediction)
    identity = {
        key: np.asarray(columns[key], dtype=np.int64) if key in columns else np.full(n, -1)
        for key in ("run", "event")
    }
    return TaskResult(
        task=task,
        prediction=prediction[usable],
        truth=truth[usable],
        variables=_Variables({**variables, **_of_the_file(columns, task)}, np.flatnonzero(usable)),
        entries=np.flatnonzero(usable),
        run=identity["run"][usable],
        event=identity["event"][usable],
        n_events=n,
        n_bad_prediction=int((~good_prediction).sum()),
        n_bad_truth=int((good_prediction & ~good_truth).sum()),
        reference=reference,
        remark=remark,
    )


def _of_the_file(columns: Columns, task: str) -> dict[str, Floats]:
    """Predicted standard deviations of a task by the names of their columns, and the light of the events."""
    names = [f"{SIGMA}{name}" for name in TASKS[task].output_names]
    found = {name: np.asarray(columns[name], np.float64) for name in names if name in columns}
    if NPHO_SUM in columns:
        found[PHOTONS] = np.asarray(columns[NPHO_SUM], np.float64)
    elif NPHO_BRANCH in columns:
        found[PHOTONS] = sum_of_valid(columns[NPHO_BRANCH])
    return found


class _Variables(Mapping[str, Floats]):
    """True values of the events of one task, taken from those of all events when they are asked for."""

    def __init__(self, columns: Mapping[str, Floats], entries: NDArray[np.int64]) -> None:
        self._columns, self._entries = columns, entries
        self._names = [name for name in columns if np.isfinite(self[name]).any()]

    def __getitem__(self, name: str) -> Floats:
        values = self._columns[name][self._entries]
        return np.where(is_invalid(values), np.nan, values)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._names


def _without_truth(task: str, source: Path, is_measured: bool) -> str:
    if is_measured:
        branches = " and ".join(TASKS[task].truth.branches)
        return (
            f"{source.name} holds real data, whose {branches} is a measurement, not the truth of {task}: "
            "not plotted"
        )
    return f"no truth of {task} in {source.name}: not plotted"


def _conventional_branches() -> str:
    branches = [str(task.conventional) for task in TASKS.values() if task.conventional is not None]
    return ", ".join(branches)
