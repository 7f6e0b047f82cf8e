"""Batches of events in a training."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from xec_data.schema.branches import INVALID_ABOVE
from xec_data.tasks.task import Task

Batch = dict[str, Tensor]
"""Branches by their names in the schema, (n, …) each, and truth that is no branch under `truth_key`."""


def truth_key(task: str) -> str:
    """Name the entry of a batch that holds the truth of a task if it is not that of the branches as they are.

    A function has derived it from them, or the event was reflected.
    """
    return f"truth.{task}"


def truth_of(task: Task, batch: Batch) -> Tensor:
    """Return the true values (n, columns) of a task."""
    key = truth_key(task.name)
    branches = (key,) if key in batch else task.truth.branches
    return torch.cat([batch[branch].reshape(len(batch[branch]), -1) for branch in branches], dim=1)


def with_derived_truth(batch: Batch, tasks: Iterable[Task]) -> Batch:
    """Add the truth of tasks that a function derives from several branches.

    Parameters
    ----------
    batch
        Branches, on the CPU.
    tasks
        The tasks; those whose truth is a branch as it is add nothing.

    Returns
    -------
    dict of str to Tensor
        The batch with ``truth.<task>`` (n, n_outputs), float32 unless it is a class.
    """
    derived = [task for task in tasks if task.truth.function is not None]
    if not derived:
        return batch
    arrays = {name: tensor.numpy() for name, tensor in batch.items()}
    truths = {truth_key(task.name): task.true_values(arrays) for task in derived}
    return {**batch, **{name: torch.from_numpy(_single(values)) for name, values in truths.items()}}


def sum_of_valid(readings: Tensor) -> Tensor:
    """Return the sums (n,) of the valid ones of readings (n, sensors), in double; 0 where none is valid."""
    return torch.where(readings.abs() <= INVALID_ABOVE, readings, 0).sum(1, dtype=torch.float64)


def _single(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32) if values.dtype.kind == "f" else values
