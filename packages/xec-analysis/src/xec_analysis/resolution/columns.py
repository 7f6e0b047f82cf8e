"""Predictions and truth of every task in the columns of a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xec_analysis.errors import AnalysisError
from xec_data.schema.branches import is_invalid
from xec_data.tasks.table import TASKS
from xec_geometry import xyz_to_uvw
from xec_geometry.errors import XecError
from xec_models.regressor.predictions import ABSOLUTE_TIME

Floats = NDArray[np.float64]
Columns = Mapping[str, NDArray[np.generic]]


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
            f"{shortened_names(columns)}); `xec predict` writes files with predictions"
        )
    return predicted


def predicted_values(columns: Columns, task: str) -> Floats:
    """Return the predictions of a task, (n, outputs)."""
    names = TASKS[task].output_names
    return np.column_stack([np.asarray(columns[f"pred_{name}"], dtype=np.float64) for name in names])


def uvw_of_xyz(xyz: NDArray[np.generic]) -> Floats:
    """Return points (n, 3) in the detector's coordinates; NaN for what is no point."""
    points = np.asarray(xyz, np.float64)
    known = ~is_invalid(points).any(axis=1)
    uvw = np.full(points.shape, np.nan)
    uvw[known] = xyz_to_uvw(points[known])
    return uvw


def true_variables(columns: Columns) -> dict[str, Floats]:
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


def unknown_predictions(columns: Columns) -> list[str]:
    # The package of the task may be missing here.
    known = {f"pred_{output}" for spec in TASKS.values() for output in spec.output_names} | {ABSOLUTE_TIME}
    return [name for name in columns if name.startswith("pred_") and name not in known]


def shortened_names(columns: Columns, most: int = 8) -> str:
    names = sorted(columns)
    return (", ".join(names[:most]) + (", …" if len(names) > most else "")) or "none"
