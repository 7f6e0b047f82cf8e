"""Augmentation of events in training: reflections, and sensors made invalid."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from xec_data.schema.branches import INVALID, SENSOR_BRANCHES
from xec_data.tasks.mirroring import mirror_table
from xec_data.tasks.task import Task
from xec_geometry import MIRRORS, GeometryError, SensorTable, mirrored_sensors
from xec_train.data.batch import Batch, truth_key, truth_of
from xec_train.errors import TrainError


def drop_channels(batch: Batch, rate: float) -> Batch:
    """Make random sensors of each event invalid, as dead ones are.

    Parameters
    ----------
    batch
        Readings of shape (n, sensors). They are changed in place: a batch is used once.
    rate
        Probability for each sensor of each event.

    Returns
    -------
    dict
        The same batch.
    """
    if rate > 0:
        first = batch[SENSOR_BRANCHES[0]]
        make_invalid(batch, torch.rand(first.shape, device=first.device) < rate)
    return batch


def make_invalid(batch: Batch, sensors: Tensor) -> Batch:
    """Make the readings of sensors (n, sensors) of a batch invalid, in place; return the same batch."""
    for name in SENSOR_BRANCHES:
        batch[name].masked_fill_(sensors, INVALID)
    return batch


class RandomMirror:
    """Random reflections of events at z = 0 and at y = 0, which map the nominal detector to itself.

    Parameters
    ----------
    enabled
        Whether events are reflected at all.
    tasks
        The tasks whose truth is in the batches.
    geometry
        Where the sensors stand; nominal by default.

    Raises
    ------
    TrainError
        If events are to be reflected in a detector that does not look the same then.
    """

    def __init__(
        self, enabled: bool, tasks: Iterable[Task] = (), geometry: SensorTable | None = None
    ) -> None:
        if enabled:
            _check_symmetric(geometry)
        self.enabled = enabled
        self.tasks = tuple(tasks)
        self._on: dict[torch.device, _Tables] = {}

    def __call__(self, batch: Batch) -> Batch:
        """Reflect every event of a batch with probability ½ at each of the two planes, independently.

        Parameters
        ----------
        batch
            Readings (n, sensors), and the truth of the tasks.

        Returns
        -------
        dict
            Readings that follow the sensors, and the truth of the reflected events as ``truth.<task>``; the
            branches it is made of are left out, as they belong to the events before.
        """
        if not self.enabled:
            return batch
        first = batch[SENSOR_BRANCHES[0]]
        tables = self._tables(first.device)
        mirror = torch.randint(len(MIRRORS), (len(first),), device=first.device)
        # One call for all events: groups of one reflection are not faster, and a GPU would have to wait for
        # their sizes.
        sensors = tables.sensors[mirror]
        readings = {name: batch[name].gather(1, sensors) for name in SENSOR_BRANCHES}
        truth = {
            truth_key(task.name): tables.reflect(task, truth_of(task, batch), mirror) for task in self.tasks
        }
        replaced = {branch for task in self.tasks for branch in task.truth.branches}
        others = {name: values for name, values in batch.items() if name not in replaced}
        return {**others, **readings, **truth}

    def _tables(self, device: torch.device) -> _Tables:
        if device not in self._on:
            self._on[device] = _Tables(self.tasks, device)
        return self._on[device]


def _check_symmetric(geometry: SensorTable | None) -> None:
    try:
        for mirror in MIRRORS:
            mirrored_sensors(mirror, geometry)
    except GeometryError as error:
        raise TrainError(
            "training.mirror is true, but the detector of the key 'geometry' does not look the same "
            "reflected: set training.mirror to false, or geometry to nominal"
        ) from error


class _Tables:
    """The reflections as tensors on one device: a row for each."""

    def __init__(self, tasks: Iterable[Task], device: torch.device) -> None:
        self.sensors = torch.as_tensor(np.stack([mirrored_sensors(name) for name in MIRRORS]), device=device)
        self._changes = {
            task.name: tuple(torch.as_tensor(table, device=device) for table in mirror_table(task))
            for task in tasks
            if not task.n_classes
        }

    def reflect(self, task: Task, truth: Tensor, mirror: Tensor) -> Tensor:
        """Return the true values (n, columns) of events after the reflections (n,)."""
        if task.n_classes:
            return truth
        signs, offsets = (table.to(truth.dtype)[mirror] for table in self._changes[task.name])
        return truth * signs + offsets
