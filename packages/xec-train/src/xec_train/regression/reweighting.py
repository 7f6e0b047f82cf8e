"""Weights of training events by task, inverse to the density of their true value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from xec_data.tasks.table import TASKS
from xec_train.config.reweighting import TaskReweighting
from xec_train.objectives.event_weights import EventWeights, HistogramRequest, fit_or_read


def fit_task_weights(
    sections: Mapping[str, TaskReweighting],
    tasks: Sequence[str],
    truth: Mapping[str, NDArray[Any]],
    folder: Path,
    *,
    resumed: bool,
    write: bool,
) -> tuple[dict[str, EventWeights], list[str]]:
    """Fit the weights of a training, or read those that it was started with.

    Parameters
    ----------
    sections
        The enabled parts of the section ``reweighting``, by task.
    tasks
        The enabled tasks.
    truth
        True values of all training events, by branch.
    folder
        The run directory.
    resumed
        Whether the run there is resumed: then its weights are used, if it has them.
    write
        Whether this process writes files.

    Returns
    -------
    dict, list of str
        Weights by task, and lines for the user.

    Raises
    ------
    TrainError
        If the weights of the run cannot be read.
    """
    wanted = {
        task: HistogramRequest(
            section.bins,
            lambda task=task: TASKS[task].true_values(truth),  # type: ignore[misc]
            [TASKS[task].output_names[column] for column in section.bins],
        )
        for task, section in sections.items()
        if task in tasks
    }
    idle = [
        f"reweighting.{task} has no effect: the task {task} is not enabled"
        for task in sections
        if task not in tasks
    ]
    weights, lines = fit_or_read(wanted, folder, resumed=resumed, write=write)
    return weights, [*idle, *lines]
