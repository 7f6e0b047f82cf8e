"""Evaluation of a network: one pass over the validation events, in the order of the files."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn

from xec_data.schema.branches import SENSOR_BRANCHES
from xec_models.regressor.predictions import NPHO_SUM
from xec_train.data.batch import Batch, sum_of_valid
from xec_train.data.loader import EventLoader
from xec_train.engine.display import ProgressBar
from xec_train.engine.means import Means
from xec_train.objectives.base import LOSS, Objective, ValidationTotals
from xec_train.objectives.report import Predictions
from xec_train.processes.group import DelayedAny, Processes


@dataclass(frozen=True)
class Evaluation:
    """The result of one pass.

    Attributes
    ----------
    losses
        Means over all events.
    metrics
        Figures of merit.
    predictions
        Outputs and branches of the events. With several processes rank 0 has those of all, the others none.
    """

    losses: dict[str, float]
    metrics: dict[str, float]
    predictions: Predictions

    @property
    def loss(self) -> float:
        """The loss that selects the best network."""
        return self.losses[LOSS]


def evaluate(
    fabric: Fabric,
    processes: Processes,
    objective: Objective[Any],
    network: nn.Module,
    loader: EventLoader,
    progress: ProgressBar,
    stop: Callable[[], bool] = lambda: False,
) -> Evaluation | None:
    """Apply a network to all events of a loader.

    Parameters
    ----------
    fabric, processes
        Device and precision; the processes.
    objective
        Loss, outputs and metrics.
    network
        The network, on the device. It is put into evaluation mode and back.
    loader
        The events.
    progress
        Progress bar of the pass.
    stop
        Called after every batch; if it returns True, the pass is abandoned.

    Returns
    -------
    Evaluation or None
        None if it was abandoned.
    """
    means, outputs, events = Means(), list[dict[str, Tensor]](), list[Batch]()
    any_stop = DelayedAny(processes)
    was_training = network.training
    network.eval()
    try:
        with torch.inference_mode(), closing(loader.epoch()) as batches:
            for batch in batches:
                n = len(batch[SENSOR_BRANCHES[0]])
                here = fabric.to_device(batch)
                # Copies: a view would keep the readings of its whole group in memory.
                kept = {k: v.clone() for k, v in batch.items() if k not in SENSOR_BRANCHES}
                events.append({**kept, NPHO_SUM: sum_of_valid(here["npho"]).float()})
                with fabric.autocast():
                    raw = objective.forward(network, here)
                means.add(objective.losses(network, raw, here), n)
                outputs.append(
                    {**objective.outputs(network, raw), **objective.event_losses(network, raw, here)}
                )
                if progress.advance(n):
                    progress.show(means.values())
                if any_stop.ask(stop())[0]:
                    return None
            joined = _joined(outputs)
            totals = ValidationTotals(network, means.over(processes).values(), joined, processes)
            losses = objective.validation_losses(totals)
    finally:
        network.train(was_training)
    predictions = Predictions(_gather(joined, processes), _gather(_joined(events), processes))
    metrics = processes.broadcast(lambda: objective.report.metrics(predictions))
    return Evaluation(losses, metrics, predictions)


def _gather(own: dict[str, Tensor], processes: Processes) -> dict[str, NDArray[Any]]:
    """Return the rows of all processes, in the order of the files."""
    arrays = {name: np.asarray(values.cpu()) for name, values in own.items()}
    if not processes.is_distributed:
        return arrays
    parts = processes.gather(arrays)
    return {name: np.concatenate([part[name] for part in parts]) for name in arrays} if parts else {}


def _joined(parts: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
