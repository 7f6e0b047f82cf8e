"""Columns of files of predictions, and what of them tells the user something."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xec_data.checking.plausibility import is_measured
from xec_data.tasks.table import TASKS
from xec_export.onnx.description import ModelDescription
from xec_models.regressor.predictions import (
    ABSOLUTE_TIME,
    PREDICTED,
    SIGMA_SUFFIX,
    most_probable,
    prediction_columns,
    true_columns,
)

Columns = dict[str, NDArray[Any]]

VALID_BRANCH = "valid"
"""Whether an event has a valid photon count; without one there is no answer."""

N_DEAD = "n_dead"
"""Number of sensors that are known as dead in an event, if something was done about them."""


def output_columns(description: ModelDescription, outputs: Mapping[str, NDArray[Any]]) -> Columns:
    """Name the columns of a network's outputs as the files do.

    Parameters
    ----------
    description
        The network.
    outputs
        What `Predictor.predict` returned.

    Returns
    -------
    dict
        ``pred_<output>`` and ``sigma_<output>``, (n,) each.
    """
    columns: Columns = {}
    for task in description.tasks:
        if task in TASKS:
            columns |= prediction_columns(task, outputs[task], outputs.get(task + SIGMA_SUFFIX))
            continue
        # The package that brought the task need not be installed: the file says what its outputs are.
        for output in description.outputs:
            if output.task == task and output.class_name:
                columns[f"{PREDICTED}{output.class_name}"] = most_probable(outputs[output.name])
            elif output.task == task:
                prefix = "" if output.name == task + SIGMA_SUFFIX else PREDICTED
                columns |= {
                    f"{prefix}{name}": outputs[output.name][:, i] for i, name in enumerate(output.columns)
                }
    return columns


def truth_beside(description: ModelDescription, events: Columns) -> Columns:
    """Return the true values of the outputs, as far as they are known.

    Parameters
    ----------
    description
        The network.
    events
        Branches of the schema, (n, …) each.

    Returns
    -------
    dict
        ``true_<output>``, (n,) each. A "truth" that real data have from other detectors is none.
    """
    columns: Columns = {}
    for task in _with_truth(description, events):
        columns |= true_columns(task, TASKS[task].true_values(events))
    return columns


def distances(description: ModelDescription, outputs: Mapping[str, NDArray[Any]], events: Columns) -> Columns:
    """Return how far all outputs of a task together are from the truth, as far as it is known.

    Parameters
    ----------
    description
        The network.
    outputs
        What `Predictor.predict` returned.
    events
        Branches of the schema, (n, …) each.

    Returns
    -------
    dict
        ``opening_angle`` in degrees, ``uvw_distance`` in cm, …: (n,) float32 each; NaN without an answer
        or truth.
    """
    columns: Columns = {}
    for task in _with_truth(description, events):
        joint = TASKS[task].joint
        if joint is not None and joint.column:
            truth = np.column_stack(list(true_columns(task, TASKS[task].true_values(events)).values()))
            columns[joint.column] = joint.function(outputs[task], truth).astype(np.float32)
    return columns


def gaps(columns: Columns) -> dict[str, int]:
    """Count the events that have readings and no answer, by output: too little light for an anchor."""
    valid = columns[VALID_BRANCH]
    predictions = {
        name: values[valid]
        for name, values in columns.items()
        if name.startswith(PREDICTED) and not name.startswith(ABSOLUTE_TIME)
    }
    return {name: int(np.isnan(values).sum()) for name, values in predictions.items()}


def describe_gaps(counts: Counter[str], n_events: int) -> list[str]:
    """Say in how many events there is no answer."""
    by_count: dict[int, list[str]] = {}
    for name, count in counts.items():
        by_count.setdefault(count, []).append(name.removeprefix(PREDICTED))
    by_count.pop(0, None)
    return [
        f"{count} of {n_events} events have too little light or no time for {', '.join(names)}: NaN"
        for count, names in sorted(by_count.items())
    ]


def describe_unread(n_unread: int, n_events: int) -> list[str]:
    """Say how many events have no reading."""
    if not n_unread:
        return []
    return [f"{n_unread} of {n_events} events have no valid photon count: NaN, and {VALID_BRANCH} is false"]


def _with_truth(description: ModelDescription, events: Columns) -> list[str]:
    return [
        task
        for task in description.tasks
        if task in TASKS
        and set(TASKS[task].truth.branches) <= events.keys()
        and not is_measured(events, task)
    ]
