"""Learning rates over a training: a table of schedules, each a factor on ``training.lr`` per step."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from xec_train.config.sections import TrainingConfig

LearningRate = Callable[[float], float]
"""From time in epochs (a fraction within one) to learning rate."""


def cosine(config: TrainingConfig) -> LearningRate:
    """LRmin + ½(LRmax − LRmin)(1 + cos(π·(epoch − warmup)/(total − warmup)))."""
    length = config.epochs - config.warmup_epochs

    def rate(epoch: float) -> float:
        phase = min(1.0, (epoch - config.warmup_epochs) / length) if length > 0 else 0.0
        return config.lr_min + 0.5 * (config.lr - config.lr_min) * (1 + math.cos(math.pi * phase))

    return rate


def constant(config: TrainingConfig) -> LearningRate:
    """Always LRmax."""
    return lambda _epoch: config.lr


SCHEDULES: dict[str, Callable[[TrainingConfig], LearningRate]] = {"cosine": cosine, "none": constant}
"""Schedules after the warm-up, by the name that ``training.scheduler`` gives them."""


def learning_rate(config: TrainingConfig, steps_per_epoch: int) -> Callable[[int], float]:
    """Give the learning rate of every step of a training.

    Parameters
    ----------
    config
        ``scheduler``, ``lr``, ``lr_min``, ``warmup_epochs`` and ``epochs``.
    steps_per_epoch
        Steps of the optimizer in one epoch.

    Returns
    -------
    callable
        From the number of the step, beginning at 0, to its learning rate. The warm-up rises linearly and
        reaches ``lr`` where the schedule takes over.
    """
    after = SCHEDULES[config.scheduler](config)
    warmup_steps = config.warmup_epochs * steps_per_epoch

    def rate(step: int) -> float:
        if step < warmup_steps:
            # Not from 0: the first step shall do something.
            return config.lr * (step + 1) / (warmup_steps + 1)
        return after(step / steps_per_epoch)

    return rate


def build_scheduler(optimizer: Optimizer, config: TrainingConfig, steps_per_epoch: int) -> LRScheduler:
    """Let torch set the learning rate of an optimizer before every step."""
    rate = learning_rate(config, steps_per_epoch)
    return LambdaLR(optimizer, lambda step: rate(step) / config.lr)
