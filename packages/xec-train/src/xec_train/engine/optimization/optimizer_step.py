"""Optimizer steps that leave everything unchanged where the gradient is not finite.

Whether a gradient is finite is known on the device long before the host could know it without waiting. So the
device skips the step by itself, and the host reads the outcome one step later, when the kernels of the next
gradient are already queued.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from xec_data.schema.branches import ID_BRANCHES, SENSOR_BRANCHES
from xec_train.data.batch import Batch
from xec_train.engine.hardware.precision import scaler_of


@dataclass(frozen=True)
class StepOutcome:
    """The outcome of a step: losses, events, and the norm of its gradient.

    Attributes
    ----------
    gradient_norm
        Waits for the device, and returns the norm before clipping; if it is finite, the step was taken.
    losses, sizes
        Losses and number of events of each batch.
    identities
        Run and event numbers of each batch.
    """

    gradient_norm: Callable[[], float]
    losses: list[dict[str, Tensor]]
    sizes: list[int]
    identities: list[Batch]


class OptimizerStep:
    """Steps of an optimizer, skipped where the gradient is not finite.

    Parameters
    ----------
    optimizer
        As set up by Fabric.
    precision
        Its precision plugin, which may hold a gradient scaler.
    """

    def __init__(self, optimizer: Any, precision: Any) -> None:
        self._wrapped, self._optimizer = optimizer, optimizer.optimizer
        self._on_device = bool(self._optimizer.defaults.get("fused"))
        self._scaled = scaler_of(precision) is not None

    def take(
        self, norm: Tensor, losses: Sequence[dict[str, Tensor]], batches: Sequence[Batch]
    ) -> StepOutcome:
        """Take a step with the present gradient.

        Parameters
        ----------
        norm
            Norm of the gradient, on the device.
        losses, batches
            Losses and events of the gradient.

        Returns
        -------
        StepOutcome
            The outcome, which the host may not know yet.
        """
        finite = norm.detach().isfinite()
        if self._on_device:
            self._optimizer.found_inf = (~finite).float()
            self._wrapped.step()
            del self._optimizer.found_inf
        elif self._scaled or bool(finite):
            # A gradient scaler checks by itself, and lowers its scale; other optimizers skip nothing.
            self._wrapped.step()
        return StepOutcome(
            _copied_to_host(norm.detach()),
            [{name: loss.detach() for name, loss in parts.items()} for parts in losses],
            [len(batch[SENSOR_BRANCHES[0]]) for batch in batches],
            [{name: batch[name] for name in ID_BRANCHES if name in batch} for batch in batches],
        )


def _copied_to_host(number: Tensor) -> Callable[[], float]:
    """Send a number to the host; the returned function waits for this copy alone."""
    if number.device.type != "cuda":
        return lambda: float(number)
    copy = torch.empty((), dtype=number.dtype, pin_memory=True)
    copy.copy_(number, non_blocking=True)
    arrival = torch.cuda.Event()  # type: ignore[no-untyped-call]
    arrival.record()

    def wait() -> float:
        arrival.synchronize()
        return float(copy)

    return wait
