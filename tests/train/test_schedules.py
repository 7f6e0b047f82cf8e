"""The learning rate of every step against the formula."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch

from xec_train.config.sections import TrainingConfig
from xec_train.schedules import build_scheduler, learning_rate


def rates(config: TrainingConfig, steps_per_epoch: int) -> list[float]:
    """What torch's optimizer really uses, step by step."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=config.lr)
    scheduler = build_scheduler(optimizer, config, steps_per_epoch)
    used = []
    for _ in range(config.epochs * steps_per_epoch):
        used.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return used


@pytest.mark.parametrize("warmup", [0.0, 1.0, 2.5])
def test_cosine_at_every_step(warmup: float) -> None:
    config = TrainingConfig(epochs=7, warmup_epochs=warmup, lr=2e-3, lr_min=1e-5)
    for step, rate in enumerate(rates(config, 10)):
        epoch = step / 10
        if epoch >= warmup:
            phase = math.pi * (epoch - warmup) / (7 - warmup)
            expected = 1e-5 + 0.5 * (2e-3 - 1e-5) * (1 + math.cos(phase))
            assert rate == pytest.approx(expected, rel=1e-12)


def test_warm_up_is_a_straight_line_to_the_largest_rate() -> None:
    config = TrainingConfig(epochs=5, warmup_epochs=2, lr=1e-3)
    used = rates(config, 8)
    rises = [b - a for a, b in pairwise(used[:17])]
    assert used[0] > 0
    assert used[16] == pytest.approx(1e-3)
    assert rises == pytest.approx([rises[0]] * 16)


def test_none_stays_at_the_largest_rate() -> None:
    config = TrainingConfig(epochs=3, warmup_epochs=1, lr=1e-3, scheduler="none")
    assert rates(config, 4)[4:] == pytest.approx([1e-3] * 8)


def test_warm_up_longer_than_the_training_only_rises() -> None:
    rate = learning_rate(TrainingConfig(epochs=1, warmup_epochs=2, lr=1e-3), 10)
    used = [rate(step) for step in range(10)]
    assert used == sorted(used)
    assert used[-1] < 1e-3
