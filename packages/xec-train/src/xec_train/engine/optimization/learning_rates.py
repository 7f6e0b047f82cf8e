"""The table of schedules: learning rates over a training, in plain numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xec_geometry.support.registry import Registry
from xec_train.errors import TrainError

if TYPE_CHECKING:
    from xec_train.config.sections import TrainingConfig

LearningRate = Callable[[float], float]
"""Learning rate as a function of the time in epochs (fractional within an epoch)."""

# Of the cycle, as torch's OneCycleLR: how far below its top it begins, and how far below that it ends.
ONECYCLE_BEGIN, ONECYCLE_END = 1 / 25, 1e-4


@dataclass(frozen=True)
class LearningRateSchedule:
    """A schedule after the warm-up.

    Attributes
    ----------
    name
        Value of ``training.scheduler``.
    plan
        Builds the learning rate from section ``training`` and the steps per epoch.
    summary
        One line for people.
    keys
        Keys of section ``training`` that only some schedules use, and this one does.
    own_warmup
        Whether there is no linear warm-up before it.
    reduces_on_plateau
        Whether the rate is multiplied by ``lr_factor`` when the validation loss no longer falls, so that
        the rate is not known beforehand.
    """

    name: str
    plan: Callable[[TrainingConfig, int], LearningRate]
    summary: str
    keys: tuple[str, ...] = ()
    own_warmup: bool = False
    reduces_on_plateau: bool = False


def cosine(config: TrainingConfig, _steps_per_epoch: int) -> LearningRate:
    """Return LRmin + ½(LRmax − LRmin)(1 + cos(π·(epoch − warmup)/(total − warmup)))."""
    length = config.epochs - config.warmup_epochs

    def rate(epoch: float) -> float:
        phase = (epoch - config.warmup_epochs) / length if length > 0 else 0.0
        return _half_cosine(config.lr, config.lr_min, phase)

    return rate


def cosine_restarts(config: TrainingConfig, _steps_per_epoch: int) -> LearningRate:
    """Return cosines down to LRmin, one after the other, each longer than the one before by a factor.

    Source: Loshchilov and Hutter, arXiv:1608.03983.
    """
    first, factor = config.lr_restart_period, config.lr_restart_mult

    def rate(epoch: float) -> float:
        since = max(0.0, epoch - config.warmup_epochs)
        if factor == 1:
            number = math.floor(since / first)
            begin, length = number * first, first
        else:
            number = math.floor(math.log1p(since * (factor - 1) / first) / math.log(factor) + 1e-12)
            begin, length = first * (factor**number - 1) / (factor - 1), first * factor**number
        return _half_cosine(config.lr, config.lr_min, (since - begin) / length)

    return rate


def onecycle(config: TrainingConfig, steps_per_epoch: int) -> LearningRate:
    """Return half a cosine up to max_lr in the first part of the training, half a cosine down in the rest.

    It begins at lr; without max_lr, lr is its top, and it begins at a 25th of it.

    Source: Smith and Topin, arXiv:1708.07120, with the numbers of torch's `OneCycleLR`. That class itself
    keeps its numbers in the optimizer's state, where a changed configuration would not reach them.
    """
    top = config.max_lr or config.lr
    begin = config.lr if config.max_lr else top * ONECYCLE_BEGIN
    last = config.epochs * steps_per_epoch - 1
    summit = config.pct_start * (last + 1) - 1

    def rate(epoch: float) -> float:
        step = epoch * steps_per_epoch
        if step <= summit:
            return _half_cosine(begin, top, step / max(summit, 1e-9))
        return _half_cosine(top, begin * ONECYCLE_END, (step - summit) / max(last - summit, 1e-9))

    return rate


def constant(config: TrainingConfig, _steps_per_epoch: int) -> LearningRate:
    """Return LRmax at any time."""
    return lambda _epoch: config.lr


SCHEDULES: Registry[LearningRateSchedule] = Registry(
    "schedule",
    (
        LearningRateSchedule("cosine", cosine, "half a cosine down to lr_min", ("lr_min",)),
        LearningRateSchedule(
            "cosine_restarts", cosine_restarts, "half cosines down to lr_min, again and again",
            ("lr_min", "lr_restart_period", "lr_restart_mult"),
        ),
        LearningRateSchedule(
            "onecycle", onecycle, "up from lr to max_lr and down again", ("max_lr", "pct_start"),
            own_warmup=True,
        ),
        LearningRateSchedule(
            "plateau", constant, "lowered when the validation loss no longer falls",
            ("lr_min", "lr_patience", "lr_factor"), reduces_on_plateau=True,
        ),
        LearningRateSchedule("none", constant, "constant"),
    ),
    group="xec.schedules",
    error=TrainError,
)  # fmt: skip
"""Every schedule by its name. Installed packages add theirs in the entry-point group ``xec.schedules``."""


def learning_rate(config: TrainingConfig, steps_per_epoch: int) -> Callable[[int], float]:
    """Return the learning rate of every step of a training.

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
    after = SCHEDULES[config.scheduler].plan(config, steps_per_epoch)
    warmup_steps = warmup_epochs(config) * steps_per_epoch

    def rate(step: int) -> float:
        if step < warmup_steps:
            # Not from 0: the first step has to change the weights.
            return config.lr * (step + 1) / (warmup_steps + 1)
        return after(step / steps_per_epoch)

    return rate


def warmup_epochs(config: TrainingConfig) -> float:
    """Return the length of the linear warm-up, in epochs."""
    return 0.0 if SCHEDULES[config.scheduler].own_warmup else config.warmup_epochs


def schedules_that_use(key: str) -> str:
    """List the schedules that use a key of section ``training``, for people."""
    return ", ".join(schedule.name for schedule in SCHEDULES.values() if key in schedule.keys)


def _half_cosine(begin: float, end: float, phase: float) -> float:
    return end + 0.5 * (begin - end) * (1 + math.cos(math.pi * min(1.0, phase)))
