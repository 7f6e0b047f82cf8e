"""The learning rate of every step against the formula."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
import torch

from xec_train.config.keys import choices
from xec_train.config.sections import TrainingConfig
from xec_train.engine.optimization.learning_rates import SCHEDULES, learning_rate
from xec_train.engine.optimization.schedules import Schedule


def rates(config: TrainingConfig, steps_per_epoch: int) -> list[float]:
    """What torch's optimizer really uses, step by step."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=config.lr)
    schedule = Schedule(optimizer, config, steps_per_epoch)
    used = []
    for _ in range(config.epochs * steps_per_epoch):
        used.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
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


@pytest.mark.parametrize(("top", "rising", "steps"), [(None, 0.3, 10), (5e-3, 0.1, 7), (1e-2, 0.8, 1)])
def test_onecycle_is_torchs(top: float | None, rising: float, steps: int) -> None:
    config = TrainingConfig(epochs=6, scheduler="onecycle", lr=1e-3, max_lr=top, pct_start=rising)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    torchs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, top or 1e-3, total_steps=6 * steps, pct_start=rising, cycle_momentum=False,
        div_factor=top / 1e-3 if top else 25.0,
    )  # fmt: skip
    expected = []
    for step in range(6 * steps):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step < 6 * steps - 1:
            torchs.step()
    assert rates(config, steps) == pytest.approx(expected, rel=1e-9)


def test_onecycle_by_its_formula() -> None:
    config = TrainingConfig(epochs=10, scheduler="onecycle", lr=1e-3, pct_start=0.25, warmup_epochs=3)
    used = rates(config, 20)
    summit = 0.25 * 200 - 1
    assert used[int(summit)] == pytest.approx(1e-3)
    for step, rate in enumerate(used):
        a, b, x = (
            (4e-5, 1e-3, step / summit) if step <= summit else (1e-3, 4e-9, (step - summit) / (199 - summit))
        )
        assert rate == pytest.approx(b + (a - b) * (1 + math.cos(math.pi * x)) / 2, rel=1e-9)


class Run:
    """An optimizer and its schedule, epoch by epoch."""

    def __init__(self, config: TrainingConfig, steps: int) -> None:
        self.optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=config.lr)
        self.schedule, self.steps = Schedule(self.optimizer, config, steps), steps

    def epoch(self, loss: float) -> list[float]:
        used = []
        for _ in range(self.steps):
            used.append(self.optimizer.param_groups[0]["lr"])
            assert used[-1] == self.schedule.rate
            self.optimizer.step()
            self.schedule.step()
        self.schedule.end_epoch(loss)
        return used


def plateau(**settings: Any) -> TrainingConfig:
    fixed = {"epochs": 20, "scheduler": "plateau", "lr": 1e-2, "lr_patience": 1, "lr_factor": 0.5}
    return TrainingConfig(**{**fixed, "warmup_epochs": 0, "lr_min": 2e-3, **settings})


def test_plateau_lowers_after_patience_down_to_its_floor() -> None:
    run = Run(plateau(), 3)
    losses = [5.0, 4.0, 4.0, 4.5, 3.0, 3.1, 3.2, 3.0, 3.0, 3.0, 3.0]
    # Lowered after the second epoch in a row without a smaller loss; 1.25e-3 would be below lr_min.
    expected = [1e-2] * 4 + [5e-3] * 3 + [2.5e-3] * 2 + [2e-3] * 2
    used = [run.epoch(loss) for loss in losses]
    assert [epoch[0] for epoch in used] == pytest.approx(expected)
    assert all(len(set(epoch)) == 1 for epoch in used)


def test_plateau_does_not_judge_the_warm_up() -> None:
    run = Run(plateau(warmup_epochs=3), 4)
    used = [rate for loss in (1.0, 2.0, 3.0, 4.0, 4.0) for rate in run.epoch(loss)]
    assert used[:12] == pytest.approx([1e-2 * (i + 1) / 13 for i in range(12)])
    assert used[12:] == pytest.approx([1e-2] * 8)


def test_plateau_takes_a_loss_that_is_no_number_as_a_bad_one() -> None:
    run = Run(plateau(), 1)
    assert [run.epoch(loss)[0] for loss in (1.0, math.nan, math.nan, 0.5)] == pytest.approx(
        [1e-2] * 3 + [5e-3]
    )


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("stop", [1, 4, 6])
def test_resumed_is_uninterrupted(name: str, stop: int) -> None:
    config = plateau(scheduler=name, epochs=9, warmup_epochs=1.5)
    losses = [3.0, 2.0, 2.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    whole, before, after = Run(config, 4), Run(config, 4), Run(config, 4)
    uninterrupted = [whole.epoch(loss) for loss in losses]
    for loss in losses[:stop]:
        before.epoch(loss)
    # As state.restore does.
    after.optimizer.load_state_dict(before.optimizer.state_dict())
    after.schedule.load_state_dict(before.schedule.state_dict())
    assert [after.epoch(loss) for loss in losses[stop:]] == uninterrupted[stop:]
    assert after.schedule.state_dict() == whole.schedule.state_dict()


def test_the_configuration_takes_the_schedules_of_the_table() -> None:
    assert (
        choices("training.scheduler")
        == tuple(SCHEDULES)
        == (
            "cosine",
            "cosine_restarts",
            "onecycle",
            "plateau",
            "none",
        )
    )
    assert all(TrainingConfig(scheduler=name).scheduler == name for name in SCHEDULES)


@pytest.mark.parametrize(("period", "factor"), [(3, 1), (2, 2), (1, 3)])
def test_restarts_are_torchs(period: int, factor: int) -> None:
    config = TrainingConfig(
        epochs=15, warmup_epochs=1, scheduler="cosine_restarts", lr=1e-3, lr_min=1e-5,
        lr_restart_period=period, lr_restart_mult=factor,
    )  # fmt: skip
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1e-3)
    torchs = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(
        optimizer, T_0=period, T_mult=factor, eta_min=1e-5
    )
    steps, used = 10, rates(config, 10)
    for step in range(14 * steps):
        torchs.step(step / steps)  # type: ignore[arg-type]
        assert used[steps + step] == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9), step
