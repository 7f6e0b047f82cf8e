"""Steps of the optimizer, of which those without a finite gradient leave everything as it was.

Whether a gradient is finite is known on the device long before the host could know it without waiting. So the
device leaves out the step by itself, and the host learns of it one step later, when the kernels of the next
gradient are already queued; only then does it update what it keeps: average, schedule, means, counts. The
next step of the optimizer comes after that, so nothing differs from having waited.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor

from xec_data.schema.branches import ID_BRANCHES, SENSOR_BRANCHES
from xec_data.writing.csv_writer import CsvWriter
from xec_train.data.batch import Batch
from xec_train.engine.precision import scaler_of
from xec_train.engine.state import TrainState
from xec_train.errors import TrainError
from xec_train.objectives.base import LOSS
from xec_train.processes.collectives import gathered, told_by_first

_SHOWN = 8


@dataclass(frozen=True)
class _Attempt:
    """A step whose outcome the host does not know yet."""

    finite: Callable[[], bool]
    losses: list[dict[str, Tensor]]
    sizes: list[int]
    identities: list[Batch]


class Steps:
    """Takes the steps of a training.

    Parameters
    ----------
    fabric
        Device, precision and other processes.
    state
        Network, optimizer, average, schedule and place.
    max_bad_steps
        So many steps in a row without a finite gradient end the training.
    warn
        Takes a line about the first of them.
    bad_events
        File for the events that ended it; None: none is written.
    """

    def __init__(
        self,
        fabric: Fabric,
        state: TrainState,
        max_bad_steps: int,
        warn: Callable[[str], None],
        bad_events: Path | None = None,
    ) -> None:
        self.fabric, self.state, self.max_bad_steps = fabric, state, max_bad_steps
        self.warn, self.bad_events = warn, bad_events
        self._pending: _Attempt | None = None
        self._hopeless: _Attempt | None = None
        self._optimizer = state.optimizer.optimizer
        self._on_device = bool(self._optimizer.defaults.get("fused"))
        self._scaled = scaler_of(fabric.strategy.precision) is not None
        state.settle = self.settle

    def take(self, norm: Tensor, losses: Sequence[dict[str, Tensor]], batches: Sequence[Batch]) -> None:
        """Do a step with the gradient that is there.

        Parameters
        ----------
        norm
            Norm of the gradient, on the device.
        losses, batches
            What the gradient was made of.
        """
        self.settle()
        finite = norm.detach().isfinite()
        if self._on_device:
            self._optimizer.found_inf = (~finite).float()
            self.state.optimizer.step()
            del self._optimizer.found_inf
        elif self._scaled or bool(finite):
            # A gradient scaler looks by itself, and lowers its scale; other optimizers have to be told.
            self.state.optimizer.step()
        self._pending = _Attempt(
            _on_its_way(finite),
            [{name: loss.detach() for name, loss in parts.items()} for parts in losses],
            [len(batch[SENSOR_BRANCHES[0]]) for batch in batches],
            [{name: batch[name] for name in ID_BRANCHES if name in batch} for batch in batches],
        )

    def settle(self) -> None:
        """Learn what became of the last step, and update what depends on it.

        Raises
        ------
        TrainError
            If too many steps in a row were bad. Processes find their events together, so all have to call.
        """
        self.look()
        if self._hopeless is not None:
            raise told_by_first(self._give_up(self._hopeless))

    def look(self) -> None:
        """As `settle`, at any time that suits this process; too many bad steps have to wait for that."""
        attempt, self._pending = self._pending, None
        if attempt is None:
            return
        state, place = self.state, self.state.place
        if attempt.finite():
            for losses, size in zip(attempt.losses, attempt.sizes, strict=True):
                place.means.add(losses, size)
            if state.ema is not None:
                state.ema.update_parameters(state.network)
            state.scheduler.step()
            place.bad_in_a_row = 0
            return
        place.bad_steps += 1
        place.bad_in_a_row += 1
        if place.bad_in_a_row >= self.max_bad_steps:
            self._hopeless = attempt
        elif place.bad_in_a_row == 1:
            self.warn(
                f"step {place.step} in epoch {place.epoch + 1} is skipped: its loss or gradient is not finite"
            )

    def _give_up(self, attempt: _Attempt) -> TrainError:
        place = self.state.place
        rows = _gathered(_suspects(attempt))
        message = (
            f"{place.bad_in_a_row} steps in a row had no finite loss or gradient (training.max_bad_steps), "
            f"the last one is step {place.step} in epoch {place.epoch + 1}"
        )
        names = [name for name in ID_BRANCHES if rows and name in rows[0]]
        if names:
            events = [", ".join(f"{name} {int(row[name])}" for name in names) for row in rows]
            more = f"; and {len(events) - _SHOWN} more" if len(events) > _SHOWN else ""
            message += f", with the events: {'; '.join(events[:_SHOWN])}{more}"
        if self.bad_events is not None and names:
            if self.fabric.is_global_zero:
                place_of_all: dict[str, list[Any]] = {
                    "epoch": [place.epoch + 1] * len(rows),
                    "step": [place.step] * len(rows),
                }
                table = {**place_of_all, **{name: [row[name] for row in rows] for name in (*names, LOSS)}}
                with CsvWriter(self.bad_events, list(table)) as file:
                    file.extend(table)
            message += f" (all in {self.bad_events})"
        return TrainError(
            f"{message}. A lower training.lr or a smaller training.grad_clip may help if it is not the "
            "events; the checkpoints of earlier epochs are as they were"
        )


def with_its_gradient(loss: Tensor) -> Tensor:
    """The same loss; where it is not finite, neither is its gradient, which all processes get to see."""
    return loss * torch.where(loss.detach().isfinite(), 1.0, torch.nan)


def _suspects(attempt: _Attempt) -> list[dict[str, float]]:
    """The events of the batches whose loss is not finite; if all are, of all batches."""
    losses = [float(parts[LOSS]) for parts in attempt.losses]
    bad = [not math.isfinite(loss) for loss in losses]
    rows: list[dict[str, float]] = []
    for identity, loss, is_bad in zip(attempt.identities, losses, bad, strict=True):
        if is_bad or not any(bad):
            numbers = zip(*(values.tolist() for values in identity.values()), strict=True)
            rows += [{**dict(zip(identity, event, strict=True)), LOSS: loss} for event in numbers]
    return rows


def _gathered(rows: list[dict[str, float]]) -> list[dict[str, float]]:
    """The suspects of all processes; those whose own loss is finite have none if another's is not."""
    every = [row for part in gathered(rows) for row in part]
    bad = [row for row in every if not math.isfinite(row[LOSS])]
    return bad or every


def _on_its_way(flag: Tensor) -> Callable[[], bool]:
    """Send a flag to the host; the function waits until it is there, and for nothing else."""
    if flag.device.type != "cuda":
        return lambda: bool(flag)
    copy = torch.empty((), dtype=torch.bool, pin_memory=True)
    copy.copy_(flag, non_blocking=True)
    arrival = torch.cuda.Event()  # type: ignore[no-untyped-call]
    arrival.record()

    def wait() -> bool:
        arrival.synchronize()
        return bool(copy)

    return wait
