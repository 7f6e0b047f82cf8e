"""Predictions beside the truth, task by task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xec_analysis.errors import AnalysisError
from xec_data.checking.plausibility import implausible, is_measured
from xec_data.schema.branches import is_invalid
from xec_data.tasks.output import Output
from xec_data.tasks.table import TASKS
from xec_data.tasks.task import Task
from xec_geometry import xyz_to_uvw
from xec_geometry.errors import XecError
from xec_models.regressor.predictions import ABSOLUTE_TIME

Floats = NDArray[np.float64]
Columns = Mapping[str, NDArray[np.generic]]

RUN = "run"
"""Name of the variable that tells the run."""


@dataclass(frozen=True)
class Reference:
    """What predictions are compared with.

    Attributes
    ----------
    name
        In sentences.
    adjective
        Before the symbol of a quantity, in plots.
    """

    name: str
    adjective: str


TRUTH = Reference("truth", "true")
CONVENTIONAL = Reference("conventional reconstruction", "conv.")


@dataclass(frozen=True)
class TaskResult:
    """Predictions of one task that can be compared: both numbers finite, event by event.

    Attributes
    ----------
    task
        The task's name, a key of `xec_data.tasks.TASKS`.
    prediction, truth
        Shape (n, outputs), each in its unit; `truth` is what `reference` says.
    variables
        Values that the residuals may depend on: the outputs of all tasks whose reference the file has, by
        name, in their units, shape (n,); NaN where an event has no valid one.
    entries
        Their entries in the file, shape (n,).
    run, event
        Identification, shape (n,); -1 where the file has none.
    n_events
        Entries of the file.
    n_bad_prediction, n_bad_truth
        Entries excluded because the prediction, or else the truth, is not finite.
    reference
        What the predictions are compared with.
    remark
        What a reader of the plots has to know; may be empty.
    """

    task: str
    prediction: Floats
    truth: Floats
    variables: Mapping[str, Floats]
    entries: NDArray[np.int64]
    run: NDArray[np.int64]
    event: NDArray[np.int64]
    n_events: int
    n_bad_prediction: int
    n_bad_truth: int
    reference: Reference = TRUTH
    remark: str = ""

    @property
    def spec(self) -> Task:
        """The task."""
        return TASKS[self.task]

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the columns of prediction and truth."""
        return self.spec.output_names

    def output(self, name: str) -> Output:
        """Return one output of the task."""
        return self.spec.outputs[self.outputs.index(name)]

    def __len__(self) -> int:
        return len(self.entries)

    def residual(self, output: str) -> Floats:
        """Prediction minus truth of one output, shape (n,), in its unit."""
        column = self.outputs.index(output)
        return self.output(output).difference(self.prediction[:, column], self.truth[:, column])

    def true(self, output: str) -> Floats:
        """Truth of one output, shape (n,)."""
        return self.truth[:, self.outputs.index(output)]

    def predicted(self, output: str) -> Floats:
        """Prediction of one output, shape (n,)."""
        return self.prediction[:, self.outputs.index(output)]


@dataclass(frozen=True)
class Results:
    """All results of a run or file.

    Attributes
    ----------
    name
        Name of the run, or of the file without its suffix.
    source
        The run directory or file.
    tasks
        Task name to result, in the order of `xec_data.tasks.TASKS`.
    notes
        One line each about predictions in the file that cannot be compared.
    """

    name: str
    source: Path
    tasks: dict[str, TaskResult]
    notes: tuple[str, ...] = ()

    @property
    def reference(self) -> Reference:
        """What all predictions are compared with."""
        return next((result.reference for result in self.tasks.values()), TRUTH)


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
                f"{source}: no truth of the task {task!r} (branch {branches}); found {_shortened(columns)}"
            )
    if not comparable:
        needed = sorted({branch for task in predicted for branch in TASKS[task].truth.branches})
        raise AnalysisError(
            f"{source}: predictions of {', '.join(predicted)}, but no truth to compare them with "
            f"(expected {' or '.join(needed)}, or a conventional reconstruction: {_conventional_branches()})"
        )
    variables = _variables(columns)
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
    if unknown := _unknown_predictions(columns):
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


def predicted_tasks(columns: Columns, source: Path) -> list[str]:
    """Return the tasks of which a file has all predictions.

    Raises
    ------
    AnalysisError
        If there are none.
    """
    predicted = [
        task for task, spec in TASKS.items() if all(f"pred_{out}" in columns for out in spec.output_names)
    ]
    if not predicted:
        raise AnalysisError(
            f"{source}: no predictions in it (expected branches such as pred_energy or pred_u; found "
            f"{_shortened(columns)}); `xec predict` writes files with predictions"
        )
    return predicted


def _conventional_branches() -> str:
    branches = [str(task.conventional) for task in TASKS.values() if task.conventional is not None]
    return ", ".join(branches)


def _without_truth(task: str, source: Path, is_measured: bool) -> str:
    if is_measured:
        branches = " and ".join(TASKS[task].truth.branches)
        return (
            f"{source.name} holds real data, whose {branches} is a measurement, not the truth of {task}: "
            "not plotted"
        )
    return f"no truth of {task} in {source.name}: not plotted"


def truth_in(columns: Columns, task: str) -> Floats | None:
    """Return the true values of a task, (n, outputs), from the columns of a file.

    Parameters
    ----------
    columns
        Truth as `truth_<output>`, or under the names of the schema.
    task
        Name of the task.

    Returns
    -------
    array or None
        None if the file has neither.

    Raises
    ------
    DataError
        If the columns have wrong shapes.
    """
    named = [f"truth_{output}" for output in TASKS[task].output_names]
    if all(name in columns for name in named):
        return np.column_stack([np.asarray(columns[name], dtype=np.float64) for name in named])
    if all(branch in columns for branch in TASKS[task].truth.branches):
        truth = np.asarray(TASKS[task].true_values(columns), dtype=np.float64)
        return truth.reshape(len(truth), -1)
    return None


def _unknown_predictions(columns: Columns) -> list[str]:
    # The package of the task may be missing here.
    known = {f"pred_{output}" for spec in TASKS.values() for output in spec.output_names} | {ABSOLUTE_TIME}
    return [name for name in columns if name.startswith("pred_") and name not in known]


def _shortened(columns: Columns, most: int = 8) -> str:
    names = sorted(columns)
    return (", ".join(names[:most]) + (", …" if len(names) > most else "")) or "none"


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


def _variables(columns: Columns) -> dict[str, Floats]:
    """True values of all tasks, from the schema's branches or from columns of a table of predictions."""
    found: dict[str, Floats] = {}
    for task, spec in TASKS.items():
        try:
            truth = truth_in(columns, task)
        except XecError:
            # A malformed truth of one task is no obstacle for the others.
            continue
        if truth is not None:
            found |= {output: truth[:, k] for k, output in enumerate(spec.output_names)}
    if "u" not in found and "xyzTruth" in columns:
        uvw = uvw_of_xyz(columns["xyzTruth"])
        found |= {name: uvw[:, k] for k, name in enumerate("uvw")}
    return found


def uvw_of_xyz(xyz: NDArray[np.generic]) -> Floats:
    """Return points (n, 3) in the detector's coordinates; NaN for what is no point."""
    points = np.asarray(xyz, np.float64)
    known = ~is_invalid(points).any(axis=1)
    uvw = np.full(points.shape, np.nan)
    uvw[known] = xyz_to_uvw(points[known])
    return uvw


def predicted_values(columns: Columns, task: str) -> Floats:
    """Return the predictions of a task, (n, outputs)."""
    names = TASKS[task].output_names
    return np.column_stack([np.asarray(columns[f"pred_{name}"], dtype=np.float64) for name in names])


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
        variables=_Variables(variables, np.flatnonzero(usable)),
        entries=np.flatnonzero(usable),
        run=identity["run"][usable],
        event=identity["event"][usable],
        n_events=n,
        n_bad_prediction=int((~good_prediction).sum()),
        n_bad_truth=int((good_prediction & ~good_truth).sum()),
        reference=reference,
        remark=remark,
    )
