"""The gradient of one step, accumulated over its batches and averaged over the processes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor

from xec_data.schema.branches import SENSOR_BRANCHES
from xec_train.data.batch import Batch
from xec_train.engine.measurement.phases import BACKWARD, FORWARD, TRANSFER, Phase, unmeasured
from xec_train.engine.state import TrainState
from xec_train.objectives.base import LOSS, Objective, StepBatches
from xec_train.processes.group import Processes


@dataclass
class GradientAccumulation:
    """Accumulation of the gradient of a step.

    Attributes
    ----------
    fabric, processes
        Device and precision; the other processes.
    objective
        Forward pass and losses.
    state
        The network.
    phase
        Context of each phase of a step, to measure it.
    """

    fabric: Fabric
    processes: Processes
    objective: Objective[Any]
    state: TrainState
    phase: Phase = unmeasured

    def backward(self, window: Sequence[Batch], n_events: int) -> list[dict[str, Tensor]]:
        """Set the gradient to that of a window.

        Parameters
        ----------
        window
            The batches of this process.
        n_events
            Events of the window over all processes.

        Returns
        -------
        list of dict
            The losses of each batch.
        """
        self.state.optimizer.zero_grad()
        batches = self._on_device(window, n_events)
        losses = [
            # Gradients are averaged over the processes, not added up.
            self._add(batch, batch_size(batch) * self.processes.world_size / n_events, batch is batches[-1])
            for batch in batches
        ]
        # DDP averages those of the network, with the last batch.
        self.state.sharding.average_gradients(self.state.modules.learned)
        return losses

    def _on_device(self, window: Sequence[Batch], n_events: int) -> list[Batch]:
        with self.phase(TRANSFER):
            batches = [self.objective.augment(self.fabric.to_device(batch)) for batch in window]
            if len(batches) == self.processes.world_size == 1:
                return batches
            step = StepBatches(self.state.network, batches, n_events, self.processes)
            return self.objective.link_batches(step)

    def _add(self, batch: Batch, share: float, is_last: bool) -> dict[str, Tensor]:
        """Add the gradient of a batch, weighted by its share of the window's events."""
        # Gradients are exchanged once per step, with the last batch.
        waits = self.processes.is_distributed and not is_last
        with self.fabric.no_backward_sync(self.state.model) if waits else nullcontext():
            with self.phase(FORWARD):
                with self.fabric.autocast():
                    raw = self.objective.forward(self.state.model, batch)
                losses = self.objective.losses(self.state.network, raw, batch)
            with self.phase(BACKWARD):
                self.fabric.backward(with_nonfinite_gradient(losses[LOSS]) * share)
        return losses


def batch_size(batch: Batch) -> int:
    """Return the number of events in a batch."""
    return len(batch[SENSOR_BRANCHES[0]])


def with_nonfinite_gradient(loss: Tensor) -> Tensor:
    """Return the loss with a gradient that is not finite, in all processes, where the loss is not."""
    return loss * torch.where(loss.detach().isfinite(), 1.0, torch.nan)
