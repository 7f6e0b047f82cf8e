"""Predictions of real data beside the conventional reconstruction: what can be compared without a truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xec_analysis.errors import AnalysisError
from xec_analysis.resolution.collecting import task_result
from xec_analysis.resolution.columns import (
    Columns,
    predicted_tasks,
    predicted_values,
    true_variables,
    truth_in,
    uvw_of_xyz,
)
from xec_analysis.resolution.results import CONVENTIONAL, RUN, Floats, Results
from xec_analysis.style.quantities import quantity_of
from xec_data.checking.plausibility import implausible, is_measured
from xec_data.schema.branches import is_invalid
from xec_data.tasks.table import TASKS
from xec_models.regressor.predictions import ABSOLUTE_TIME, PREDICTED, SIGMA


def conventional_values(columns: Columns, task: str) -> Floats | None:
    """Return the conventional values of a task, (n, outputs); None if a file has none.

    Parameters
    ----------
    columns
        Branches by their names in the schema.
    task
        Name of the task. A position may also be there as x, y, z.
    """
    conventional = TASKS[task].conventional
    if conventional is None:
        return None
    if conventional.function is None and all(branch in columns for branch in conventional.branches):
        parts = [np.asarray(columns[branch], np.float64) for branch in conventional.branches]
        values = np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)
        return values if values.shape[1] == len(TASKS[task].outputs) else None
    if conventional.branches == ("uvwRecoFI",) and "xyzRecoFI" in columns:
        return uvw_of_xyz(columns["xyzRecoFI"])
    return None


def lacks_truth(columns: Columns) -> bool:
    """Return whether predictions can be compared with a conventional reconstruction, and not with a truth."""
    predicted = [t for t, spec in TASKS.items() if all(f"pred_{out}" in columns for out in spec.output_names)]
    known = any(not is_measured(columns, task) and truth_in(columns, task) is not None for task in predicted)
    return not known and any(conventional_values(columns, task) is not None for task in predicted)


def collect_comparison(
    columns: Columns, name: str, source: Path, tasks: Sequence[str] | None = None
) -> Results:
    """Put the predictions in a file beside its conventional reconstruction.

    Parameters
    ----------
    columns, name, source, tasks
        As for `collect_results`. Times are compared as they are where the file has them on the absolute
        clock; else one offset, the median of the differences, is taken off the conventional ones.

    Returns
    -------
    Results
        Of the reference `CONVENTIONAL`; among the variables is the run.

    Raises
    ------
    AnalysisError
        If a task is named whose predictions or conventional values are missing, or no event has both.
    """
    predicted = predicted_tasks(columns, source)
    found = {task: values for task in TASKS if (values := conventional_values(columns, task)) is not None}
    for task in tasks or ():
        if task not in predicted:
            raise AnalysisError(
                f"{source}: no predictions of the task {task!r}; it has those of {', '.join(predicted)}"
            )
        if task not in found:
            raise AnalysisError(
                f"{source}: neither truth nor conventional reconstruction of the task {task!r}; "
                f"it has one of {', '.join(found) or 'none'}"
            )
    for task, values in found.items():
        if problem := implausible(task, values):
            raise AnalysisError(f"{source}: the conventional reconstruction of {task}: {problem}")
    compared = {task: _comparable(columns, task, values) for task, values in found.items()}
    variables = {
        output: pair.conventional[:, k]
        for task, pair in compared.items()
        for k, output in enumerate(TASKS[task].output_names)
    }
    if RUN in columns:
        variables[RUN] = np.asarray(columns[RUN], np.float64)
    results, notes = {}, []
    for task in predicted:
        if task not in compared:
            notes.append(
                f"no truth and no conventional reconstruction of {task} in {source.name}: not plotted"
            )
        elif tasks is None or task in tasks:
            pair = compared[task]
            assert pair.prediction is not None
            result = task_result(
                task,
                columns,
                pair.conventional,
                variables,
                prediction=pair.prediction,
                reference=CONVENTIONAL,
                remark=pair.remark,
            )
            if len(result):
                results[task] = result
                notes += [f"{task}: {pair.remark}"] if pair.remark else []
            else:
                notes.append(
                    f"no event with a finite prediction and conventional value of {task}: not plotted"
                )
    if not results:
        raise AnalysisError(f"{source}: not one event with a finite prediction and conventional value")
    return Results(name, source, results, tuple(notes))


def conventional_beside_truth(columns: Columns, results: Results) -> Results | None:
    """Put the conventional reconstruction in a file beside the truth, too.

    Parameters
    ----------
    columns
        All columns of the file.
    results
        Its predictions beside the truth, whose tasks are looked for.

    Returns
    -------
    Results or None
        Of the tasks that have conventional values; None if no task has. Times are left out: those of the
        conventional reconstruction may be on another clock than the truth.
    """
    # The σ of a network is none of this reconstruction.
    own = {name: values for name, values in columns.items() if not name.startswith(SIGMA)}
    variables, found = true_variables(columns), {}
    for task in results.tasks:
        truth, values = truth_in(columns, task), conventional_values(columns, task)
        if truth is None or values is None or TASKS[task].needs_times or implausible(task, values):
            continue
        result = task_result(task, own, truth, variables, prediction=values)
        if len(result):
            found[task] = result
    return Results(results.name, results.source, found) if found else None


@dataclass(frozen=True)
class _Pair:
    """Prediction, if there is one, and conventional values on one clock, and what was done for it."""

    prediction: Floats | None
    conventional: Floats
    remark: str = ""


def _comparable(columns: Columns, task: str, conventional: Floats) -> _Pair:
    if not all(f"{PREDICTED}{name}" in columns for name in TASKS[task].output_names):
        return _Pair(None, conventional)
    prediction = predicted_values(columns, task)
    if task != "timing":
        return _Pair(prediction, conventional)
    if ABSOLUTE_TIME in columns:
        absolute = np.asarray(columns[ABSOLUTE_TIME], np.float64)[:, np.newaxis]
        return _Pair(absolute, conventional, "times on the absolute clock")
    invalid = is_invalid(conventional)
    known = ~(is_invalid(prediction) | invalid)
    if not known.any():
        return _Pair(prediction, conventional)
    offset = float(np.median(conventional[known] - prediction[known]))
    unit = quantity_of(TASKS[task].outputs[0]).unit
    size = f"{offset * unit.factor:.4g} {unit.name}".replace("-", "−")
    return _Pair(
        prediction,
        np.where(invalid, conventional, conventional - offset),
        f"an offset of {size} is fitted: without {ABSOLUTE_TIME} the width holds the start of each event",
    )
