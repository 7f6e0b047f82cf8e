"""Learning rates over a training: a table of schedules, each a learning rate per step."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from xec_train.config.sections import TrainingConfig

LearningRate = Callable[[float], float]
"""From time in epochs (a fraction within one) to learning rate."""

# Of the cycle, as torch's OneCycleLR: how far below its top it begins, and how far below that it ends.
ONECYCLE_BEGIN, ONECYCLE_END = 1 / 25, 1e-4

_PLACE = ("last_epoch", "_step_count", "_last_lr")
_PLACE_ON_PLATEAU = ("best", "num_bad_epochs", "last_epoch", "_last_lr")


def cosine(config: TrainingConfig, _steps_per_epoch: int) -> LearningRate:
    """LRmin + ½(LRmax − LRmin)(1 + cos(π·(epoch − warmup)/(total − warmup)))."""
    length = config.epochs - config.warmup_epochs

    def rate(epoch: float) -> float:
        phase = (epoch - config.warmup_epochs) / length if length > 0 else 0.0
        return _half_cosine(config.lr, config.lr_min, phase)

    return rate


def onecycle(config: TrainingConfig, steps_per_epoch: int) -> LearningRate:
    """Half a cosine up to max_lr in the first part of the training, half a cosine down in the rest.

    Source: Smith and Topin, arXiv:1708.07120, with the numbers of torch's `OneCycleLR`. That class itself
    keeps its numbers in the optimizer's state, where a changed configuration would not reach them.
    """
    top = config.max_lr or config.lr
    begin = top * ONECYCLE_BEGIN
    last = config.epochs * steps_per_epoch - 1
    summit = config.pct_start * (last + 1) - 1

    def rate(epoch: float) -> float:
        step = epoch * steps_per_epoch
        if step <= summit:
            return _half_cosine(begin, top, step / max(summit, 1e-9))
        return _half_cosine(top, begin * ONECYCLE_END, (step - summit) / max(last - summit, 1e-9))

    return rate


def constant(config: TrainingConfig, _steps_per_epoch: int) -> LearningRate:
    """Always LRmax."""
    return lambda _epoch: config.lr


SCHEDULES: dict[str, Callable[[TrainingConfig, int], LearningRate]] = {
    "cosine": cosine,
    "onecycle": onecycle,
    "plateau": constant,  # what the validation loss takes from it is not known beforehand
    "none": constant,
}
"""Schedules after the warm-up, by the name that ``training.scheduler`` gives them."""

OWN_WARMUP = {"onecycle"}
"""Schedules before which there is no linear warm-up."""


def learning_rate(config: TrainingConfig, steps_per_epoch: int) -> Callable[[int], float]:
    """Give the learning rate of every step of a training.

    Parameters
    ----------
    config
        ``scheduler``, ``lr``, ``epochs`` and the keys of the schedule.
    steps_per_epoch
        Steps of the optimizer in one epoch.

    Returns
    -------
    callable
        From the number of the step, beginning at 0, to its learning rate. The warm-up rises linearly and
        reaches ``lr`` where the schedule takes over.
    """
    after = SCHEDULES[config.scheduler](config, steps_per_epoch)
    warmup_steps = _warmup_epochs(config) * steps_per_epoch

    def rate(step: int) -> float:
        if step < warmup_steps:
            # Not from 0: the first step shall do something.
            return config.lr * (step + 1) / (warmup_steps + 1)
        return after(step / steps_per_epoch)

    return rate


class Schedule:
    """Sets the learning rate of an optimizer before every step.

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
        self._plateau = _plateau(config) if config.scheduler == "plateau" else None
        self._warmup_steps = _warmup_epochs(config) * steps_per_epoch
        self._rate = learning_rate(config, steps_per_epoch)
        self._steps = LambdaLR(
            optimizer, lambda step: self._rate(step) / config.lr * self._reduction(config.lr)
        )

    @property
    def rate(self) -> float:
        """Learning rate of the next step."""
        return float(self._steps.get_last_lr()[0])

    def restart(self, epoch: int) -> None:
        """Begin anew when so many epochs are done: warm-up and all, over the epochs that remain."""
        self._set_begin(epoch)
        self._plateau = _plateau(self._config) if self._plateau is not None else None
        self._steps.last_epoch = 0
        self._apply()

    def step(self) -> None:
        """The optimizer has done a step."""
        self._steps.step()

    def end_epoch(self, loss: float) -> None:
        """An epoch is done, and this is its validation loss."""
        if self._plateau is None or self._steps.last_epoch < self._warmup_steps:
            return
        self._plateau.step(loss)
        self._apply()

    def state_dict(self) -> dict[str, Any]:
        """The place alone: the rates follow from the configuration, which may have more epochs later."""
        place = {
            **_part(self._steps.state_dict(), _PLACE),
            "begun": self._begun,
            "steps_per_epoch": self._steps_per_epoch,
        }
        if self._plateau is not None:
            place["plateau"] = _part(self._plateau.state_dict(), _PLACE_ON_PLATEAU)
        return place

    def load_state_dict(self, place: Mapping[str, Any]) -> None:
        """Go on from the place that `state_dict` gave."""
        self._set_begin(place.get("begun", 0))
        self._steps.load_state_dict({**self._steps.state_dict(), **_part(place, _PLACE)})
        before = place.get("plateau")
        if self._plateau is not None and before:
            self._plateau.load_state_dict({**self._plateau.state_dict(), **before})
            self._plateau.optimizer.param_groups[0]["lr"] = before["_last_lr"][0]
        steps = place.get("steps_per_epoch", self._steps_per_epoch)
        if steps != self._steps_per_epoch:
            # Another batch size or number of processes: the same time in epochs.
            self._steps.last_epoch = round(self._steps.last_epoch * self._steps_per_epoch / steps)
        # The rates of this configuration, which may not be those of the checkpoint.
        self._apply()

    def begin_epoch(self, epoch: int) -> None:
        """Go to the beginning of an epoch."""
        self._steps.last_epoch = (epoch - self._begun) * self._steps_per_epoch
        self._apply()

    def _set_begin(self, epoch: int) -> None:
        self._begun = epoch
        remaining = max(1, self._config.epochs - epoch)
        self._rate = learning_rate(
            self._config.model_copy(update={"epochs": remaining}), self._steps_per_epoch
        )

    def _reduction(self, largest: float) -> float:
        return 1.0 if self._plateau is None else self._plateau.optimizer.param_groups[0]["lr"] / largest

    def _apply(self) -> None:
        """Set the rate of the place once more, after a reduction."""
        for group, base, factor in zip(
            self._steps.optimizer.param_groups, self._steps.base_lrs, self._steps.lr_lambdas, strict=True
        ):
            group["lr"] = base * factor(self._steps.last_epoch)
        self._steps._last_lr = [group["lr"] for group in self._steps.optimizer.param_groups]


def _plateau(config: TrainingConfig) -> ReduceLROnPlateau:
    # It wants an optimizer of its own: that of the training gets warm-up and reductions together.
    holder = SGD([torch.zeros(1)], lr=config.lr)
    return ReduceLROnPlateau(
        holder, factor=config.lr_factor, patience=config.lr_patience, min_lr=config.lr_min, eps=0.0
    )


def _warmup_epochs(config: TrainingConfig) -> float:
    return 0.0 if config.scheduler in OWN_WARMUP else config.warmup_epochs


def _half_cosine(begin: float, end: float, phase: float) -> float:
    return end + 0.5 * (begin - end) * (1 + math.cos(math.pi * min(1.0, phase)))


def _part(values: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: values[name] for name in names}
