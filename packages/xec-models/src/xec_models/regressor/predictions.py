"""Names of predictions and truth in files."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xec_data.schema.branches import is_invalid
from xec_data.tasks.table import TASKS
from xec_models.errors import ModelError

SIGMA_SUFFIX = "_sigma"
"""End of the name of an output that is a standard deviation: ``energy_sigma`` is that of ``energy``."""

PREDICTED, SIGMA, TRUE = "pred_", "sigma_", "true_"
"""Beginnings of the names of columns, before that of an output."""

TIME_OFFSET = "time_offset"
"""Column: the absolute time at which the clock of the predictions is zero, in s."""

ABSOLUTE_TIME = "pred_timing_absolute"
"""Column: the predicted time on the absolute clock of the file, ``pred_timing + time_offset``, in s."""

NPHO_SUM = "npho_sum"
"""Column: the light of each event, the sum of its valid readings, in photons."""


def loss_column(task: str = "") -> str:
    """Return the name of the column with the loss of each event: of a task, or the one that is minimized."""
    return f"loss_{task}" if task else "loss"


def prediction_columns(
    task: str, output: ArrayLike, sigma: ArrayLike | None = None
) -> dict[str, NDArray[Any]]:
    """Return a network's output for one task as columns of a file.

    Parameters
    ----------
    task
        Name of the task.
    output
        (n, n_outputs) physical output; for a classification the probabilities.
    sigma
        (n, n_outputs) predicted standard deviation, if the head has one.

    Returns
    -------
    dict
        ``pred_<output>`` and, with `sigma`, ``sigma_<output>``, (n,) each. A classification gives the
        most probable class as int32, −1 where there is no answer.
    """
    spec = TASKS.get_named(task)
    values = _checked(task, output, spec.n_outputs)
    if spec.n_classes:
        return {f"{PREDICTED}{spec.output_names[0]}": most_probable(values)}
    columns = {f"{PREDICTED}{name}": values[:, i] for i, name in enumerate(spec.output_names)}
    if sigma is not None:
        widths = _checked(task, sigma, spec.n_outputs)
        columns |= {f"{SIGMA}{name}": widths[:, i] for i, name in enumerate(spec.output_names)}
    return columns


def most_probable(probabilities: NDArray[Any]) -> NDArray[np.int32]:
    """Return the most probable class of each row (n, classes); −1 where there are no numbers."""
    known = np.isfinite(probabilities).all(axis=1)
    return np.where(known, probabilities.argmax(axis=1), -1).astype(np.int32)


def truth_columns(task: str, truth: ArrayLike) -> dict[str, NDArray[Any]]:
    """Return the true values of one task as columns of a file.

    Parameters
    ----------
    task
        Name of the task.
    truth
        (n, n_outputs) array of `Task.true_values`.

    Returns
    -------
    dict
        ``truth_<output>``, (n,) each.
    """
    return _named("truth_", task, np.asarray(truth))


def true_columns(task: str, truth: ArrayLike) -> dict[str, NDArray[Any]]:
    """Return the true values of one task as they stand beside its predictions.

    Parameters
    ----------
    task
        Name of the task.
    truth
        (n, n_outputs) array of `Task.true_values`.

    Returns
    -------
    dict
        ``true_<output>``, (n,) each; numbers that are not integers are NaN where there is no value.
    """
    values = np.asarray(truth)
    if values.dtype.kind == "f":
        values = np.where(is_invalid(values), np.nan, values).astype(values.dtype)
    return _named(TRUE, task, values)


def variant_column(column: str, variant: str) -> str:
    """Return the name of a column where the same events are predicted in several ways.

    Parameters
    ----------
    column
        ``pred_energy``, ``sigma_u``, …
    variant
        How dead channels were treated: ``raw``, ``average``, ``solid_angle``, …; empty if there is one way
        only.
    """
    return f"{column}_{variant}" if variant else column


def _named(beginning: str, task: str, values: NDArray[Any]) -> dict[str, NDArray[Any]]:
    names = TASKS.get_named(task).output_names
    columns = _checked(task, values, len(names)).T
    return {f"{beginning}{name}": column for name, column in zip(names, columns, strict=True)}


def _checked(task: str, values: ArrayLike, width: int) -> NDArray[Any]:
    array = np.asarray(values)
    if array.ndim != 2 or array.shape[1] != width:
        raise ModelError(f"task '{task}': array of shape {array.shape}, expected (n, {width})")
    return array
