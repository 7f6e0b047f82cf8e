"""Outputs of a task in reflected events, and their average over all reflections of an event."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from xec_data.tasks.output import UNCHANGED
from xec_data.tasks.task import Task
from xec_geometry.detector.mirrors import MIRRORS
from xec_geometry.support.namespace import ArrayNamespace

Floats = NDArray[np.float64]

_SMALLEST_LENGTH = 1e-12


def mirror_table(task: Task) -> tuple[Floats, Floats]:
    """Return the change of every column of a prediction under every reflection.

    Parameters
    ----------
    task
        The task.

    Returns
    -------
    signs, offsets
        (reflections, n_outputs) each, in the order of `xec_geometry.MIRRORS`: ``values * signs[i] +
        offsets[i]`` are those of the reflected event, and of the event again if applied to these. Classes
        do not change.
    """
    columns = [
        [UNCHANGED] * task.n_classes or [output.reflection(mirror) for output in task.outputs]
        for mirror in MIRRORS
    ]
    signs = np.array([[change.sign for change in row] for row in columns])
    return signs, np.array([[change.offset for change in row] for row in columns])


def mirror_mean(xp: ArrayNamespace, task: Task, values: Any) -> Any:
    """Average what is predicted for one event and its reflections.

    Parameters
    ----------
    xp
        ``numpy``, or torch.
    task
        The task.
    values
        (n, reflections, n_outputs), changed back to the event itself.

    Returns
    -------
    array or tensor (n, n_outputs)
        Means; of angles along the circle, in (−180, 180]°; of unit vectors with length 1; of classes, their
        probabilities.
    """
    mean = xp.mean(values, 1)
    if task.unit_vector:
        length = xp.sqrt(xp.sum(xp.square(mean), 1))
        return mean / xp.clip(length, _SMALLEST_LENGTH, None)[:, None]
    if task.n_classes or all(output.period is None for output in task.outputs):
        return mean
    columns = [
        mean[:, i] if output.period is None else _mean_angle(xp, values[:, :, i], output.period)
        for i, output in enumerate(task.outputs)
    ]
    return xp.stack(columns, 1)


def _mean_angle(xp: ArrayNamespace, angles: Any, period: float) -> Any:
    unit = 2 * np.pi / period
    mean = xp.arctan2(xp.mean(xp.sin(angles * unit), 1), xp.mean(xp.cos(angles * unit), 1)) / unit
    # In an exported graph arctan2 makes a number of NaN, which says that there is no answer.
    return mean + 0.0 * xp.sum(angles, 1)
