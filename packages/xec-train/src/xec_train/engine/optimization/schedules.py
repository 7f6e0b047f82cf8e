"""The schedule of an optimizer: the learning rate of every step, and the position in a training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from xec_train.config.sections import TrainingConfig
from xec_train.engine.optimization.learning_rates import SCHEDULES, learning_rate, warmup_epochs

_POSITION = ("last_epoch", "_step_count", "_last_lr")
_POSITION_ON_PLATEAU = ("best", "num_bad_epochs", "last_epoch", "_last_lr")


class Schedule:
    """Learning rate of an optimizer, set before every step.

    Parameters
    ----------
    optimizer
        The optimizer; all its groups get the same rate.
    config
        Section ``training``.
    steps_per_epoch
        Steps of the optimizer in one epoch.
    """

    def __init__(self, optimizer: Optimizer, config: TrainingConfig, steps_per_epoch: int) -> None:
        self._config, self._steps_per_epoch, self._begun = config, steps_per_epoch, 0
        self._pace = 1.0
        self._plateau = _plateau(config) if SCHEDULES[config.scheduler].reduces_on_plateau else None
        self._warmup_steps = warmup_epochs(config) * steps_per_epoch
        self._rate = learning_rate(config, steps_per_epoch)
        self._steps = LambdaLR(
            optimizer, lambda step: self._rate(step) / config.lr * self._reduction(config.lr)
        )

    @property
    def rate(self) -> float:
        """Learning rate of the next step."""
        return float(self._steps.get_last_lr()[0])

    @property
    def hurried(self) -> bool:
        """Whether a time limit has changed the pace at which the schedule is passed through."""
        return self._pace != 1.0

    def restart(self, epoch: int) -> None:
        """Restart after `epoch` epochs, with the warm-up, over the epochs that remain."""
        self._set_begin(epoch)
        self._pace = 1.0
        self._plateau = _plateau(self._config) if self._plateau is not None else None
        self._steps.last_epoch = 0
        self._apply()

    def step(self) -> None:
        """Advance after a step of the optimizer."""
        if self.hurried:
            self._move_to(min(self._steps.last_epoch + self._pace, self._last) - 1)
        self._steps.step()

    def end_after(self, steps: int) -> None:
        """Pass through the rest of the schedule in so many steps, the last of which has its final rate."""
        left = max(0, self._last - self._steps.last_epoch)
        if steps > 1:
            self._pace = left / (steps - 1)
        elif left:
            self._move_to(self._last)
            self._apply()

    def end_epoch(self, loss: float) -> None:
        """Advance after an epoch with its validation loss."""
        if self._plateau is None or self._steps.last_epoch < self._warmup_steps:
            return
        self._plateau.step(loss)
        self._apply()

    def state_dict(self) -> dict[str, Any]:
        """Return the position alone: the configuration, which may get more epochs, gives the rates."""
        position = {
            **_part(self._steps.state_dict(), _POSITION),
            "begun": self._begun,
            "steps_per_epoch": self._steps_per_epoch,
            "pace": self._pace,
        }
        if self._plateau is not None:
            position["plateau"] = _part(self._plateau.state_dict(), _POSITION_ON_PLATEAU)
        return position

    def load_state_dict(self, position: Mapping[str, Any]) -> None:
        """Continue from the position that `state_dict` gave."""
        self._set_begin(position.get("begun", 0))
        self._pace = position.get("pace", 1.0)
        self._steps.load_state_dict({**self._steps.state_dict(), **_part(position, _POSITION)})
        before = position.get("plateau")
        if self._plateau is not None and before:
            self._plateau.load_state_dict({**self._plateau.state_dict(), **before})
            self._plateau.optimizer.param_groups[0]["lr"] = before["_last_lr"][0]
        steps = position.get("steps_per_epoch", self._steps_per_epoch)
        if steps != self._steps_per_epoch:
            # Another batch size or number of processes: the same time in epochs.
            self._steps.last_epoch = round(self._steps.last_epoch * self._steps_per_epoch / steps)
        # The rates of this configuration, which may not be those of the checkpoint.
        self._apply()

    def begin_epoch(self, epoch: int) -> None:
        """Go to the beginning of an epoch."""
        self.go_to(epoch, 0)

    def go_to(self, epoch: int, step: int) -> None:
        """Go to a step of an epoch, as one that no time limit has hurried."""
        self._pace = 1.0
        self._steps.last_epoch = (epoch - self._begun) * self._steps_per_epoch + step
        self._apply()

    @property
    def _last(self) -> int:
        """The last step of the schedule."""
        return max(1, self._config.epochs - self._begun) * self._steps_per_epoch - 1

    def _move_to(self, position: float) -> None:
        # Paced, it may lie between two steps.
        self._steps.last_epoch = position  # type: ignore[assignment]

    def _set_begin(self, epoch: int) -> None:
        self._begun = epoch
        remaining = max(1, self._config.epochs - epoch)
        self._rate = learning_rate(
            self._config.model_copy(update={"epochs": remaining}), self._steps_per_epoch
        )

    def _reduction(self, largest: float) -> float:
        return 1.0 if self._plateau is None else self._plateau.optimizer.param_groups[0]["lr"] / largest

    def _apply(self) -> None:
        """Set the rate of the current position again, after a reduction."""
        for group, base, factor in zip(
            self._steps.optimizer.param_groups, self._steps.base_lrs, self._steps.lr_lambdas, strict=True
        ):
            group["lr"] = base * factor(self._steps.last_epoch)
        self._steps._last_lr = [group["lr"] for group in self._steps.optimizer.param_groups]


def _plateau(config: TrainingConfig) -> ReduceLROnPlateau:
    # A separate optimizer: that of the training gets the product of warm-up and reductions.
    holder = SGD([torch.zeros(1)], lr=config.lr)
    return ReduceLROnPlateau(
        holder, factor=config.lr_factor, patience=config.lr_patience, min_lr=config.lr_min, eps=0.0
    )


def _part(values: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: values[name] for name in names}
