"""One pass over validation events, in the order of the files."""

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
from xec_train.data.batch import Batch
from xec_train.data.loader import EventLoader
from xec_train.objectives.base import LOSS, Objective
from xec_train.processes.collectives import Votes, from_first, gathered, gathered_by_first, several
from xec_train.runs.display import EpochProgress


class Means:
    """Means over events of numbers that come as means over batches; they stay on the device.

    Parameters
    ----------
    sums, n_events
        What has been added before.
    """

    def __init__(self, sums: dict[str, Tensor] | None = None, n_events: int = 0) -> None:
        self.sums: dict[str, Tensor] = dict(sums or {})
        self.n_events = n_events

    def add(self, means: dict[str, Tensor], n_events: int) -> None:
        """Add a batch."""
        for name, mean in means.items():
            part = mean.detach().double() * n_events
            self.sums[name] = self.sums[name] + part if name in self.sums else part
        self.n_events += n_events

    def everywhere(self) -> Means:
        """Those over the events of all processes, which have to ask for them together."""
        if not several():
            return self
        total = Means()
        # In the same order for all of them, so that they get the same numbers to the last bit.
        own = {name: float(part) for name, part in self.sums.items()}
        for sums, n_events in gathered((own, self.n_events)):
            for name, part in sums.items():
                number = torch.tensor(part, dtype=torch.float64)
                total.sums[name] = total.sums.get(name, torch.zeros_like(number)) + number
            total.n_events += n_events
        return total

    def values(self, prefix: str = "") -> dict[str, float]:
        """The means so far; this waits for the device."""
        return {prefix + name: float(total) / max(1, self.n_events) for name, total in self.sums.items()}


@dataclass(frozen=True)
class Evaluation:
    """What a pass gives.

    Attributes
    ----------
    losses
        Means over all events.
    metrics
        Figures of merit.
    outputs, events
        Per event, in the order of the files: what the network says, and the branches but for the readings.
        With several processes the first one has those of all, and the others have none.
    """

    losses: dict[str, float]
    metrics: dict[str, float]
    outputs: dict[str, NDArray[Any]]
    events: dict[str, NDArray[Any]]

    @property
    def loss(self) -> float:
        """The number by which the best network is chosen."""
        return self.losses[LOSS]


def evaluate(
    fabric: Fabric,
    objective: Objective,
    network: nn.Module,
    loader: EventLoader,
    progress: EpochProgress,
    stop: Callable[[], bool] = lambda: False,
) -> Evaluation | None:
    """Apply a network to all events of a loader.

    Parameters
    ----------
    fabric
        Device and precision.
    objective
        Loss, outputs and metrics.
    network
        The network, on the device. It is put into evaluation mode and back.
    loader
        The events.
    progress
        Where to show how far it is.
    stop
        Asked after every batch; if it says yes, the pass is given up.

    Returns
    -------
    Evaluation or None
        None if it was given up.
    """
    means, outputs, events, votes = Means(), list[dict[str, Tensor]](), list[Batch](), Votes()
    was_training = network.training
    network.eval()
    try:
        with torch.inference_mode(), closing(loader.epoch()) as batches:
            for batch in batches:
                n = len(batch[SENSOR_BRANCHES[0]])
                # Copies: a view would keep the readings of its whole group in memory.
                events.append({k: v.clone() for k, v in batch.items() if k not in SENSOR_BRANCHES})
                here = fabric.to_device(batch)
                with fabric.autocast():
                    raw = objective.forward(network, here)
                means.add(objective.losses(network, raw, here), n)
                outputs.append(objective.outputs(network, raw))
                if progress.advance(n):
                    progress.show(means.values())
                if votes.decide(stop())[0]:
                    return None
            joined = _joined(outputs)
            losses = objective.overall(network, means.everywhere().values(), joined)
    finally:
        network.train(was_training)
    arrays, branches = _of_all(joined), _of_all(_joined(events))
    metrics = from_first(lambda: objective.metrics(arrays, branches))
    return Evaluation(losses, metrics, arrays, branches)


def _of_all(own: dict[str, Tensor]) -> dict[str, NDArray[Any]]:
    """The rows of all processes, each of which has a stretch of the files, in their order."""
    arrays = {name: np.asarray(values.cpu()) for name, values in own.items()}
    if not several():
        return arrays
    parts = gathered_by_first(arrays)
    return {name: np.concatenate([part[name] for part in parts]) for name in arrays} if parts else {}


def _joined(parts: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
