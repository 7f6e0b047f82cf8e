"""Trainings that end in time, on machines whose clock is made up."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from tests.train.line import Line, Memory, loop
from torch import Tensor, nn

from xec_train.engine.optimization.learning_rates import SCHEDULES, learning_rate
from xec_train.engine.time_limit import Speed, TimeLimit, steps_that_fit
from xec_train.engine.train_loop import TrainLoop

STEPS, VALIDATION_BATCHES = 40, 8
EVENTS, VALIDATION = (4,) * STEPS, Memory((4,) * VALIDATION_BATCHES)


@dataclass
class MadeUpClock:
    """A clock that is put forward by hand."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


class Machine(Line):
    """A training on a machine that is so fast.

    Parameters
    ----------
    step
        From the time to the seconds of a batch of training that begins then.
    validation
        Seconds of a batch of validation, relative to one of training.
    stop_at
        Time of an interruption.
    """

    def __init__(
        self,
        step: Callable[[float], float] = lambda _now: 1.0,
        validation: float = 0.35,
        stop_at: float = math.inf,
        now: float = 100.0,
    ) -> None:
        super().__init__()
        # Shared with the copies of the objective that a validation makes.
        self.clock, self.rates = MadeUpClock(now), list[float]()
        self.step, self.validation, self.stop_at = step, validation, stop_at
        self.loop: TrainLoop | None = None

    @property
    def now(self) -> float:
        return self.clock.now

    def forward(self, network: nn.Linear, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        self.clock.now += self.step(self.now) * (1.0 if network.training else self.validation)
        assert self.loop is not None
        self.loop.interruption.requested |= self.now >= self.stop_at
        return super().forward(network, batch)

    def limited(self, memory: Memory, **settings: Any) -> TrainLoop:
        """A loop on this machine, which records the rate of each step."""
        trained = self.loop = loop(memory, self, clock=self.clock, validation=VALIDATION, **settings)
        take = trained._optimizer_step.take

        def taking(*arguments: Any) -> Any:
            self.rates.append(trained.state.optimizer.param_groups[0]["lr"])
            return take(*arguments)

        trained._optimizer_step.take = taking  # type: ignore[method-assign]
        return trained


def final_rate(trained: TrainLoop) -> float:
    """The last rate of the whole schedule, by its formula."""
    return learning_rate(trained.config, STEPS)(trained.config.epochs * STEPS - 1)


def validations(memory: Memory) -> int:
    return sum("val_loss" in numbers for numbers in memory.logged)


# Seconds of a step, and the time that the training with its results takes; the limit is 300 s.
MACHINES: dict[str, tuple[Callable[[float], float], tuple[float, float]]] = {
    "slow": (lambda now: 1.0, (290, 300)),
    "very slow": (lambda now: 10.0, (225, 300)),
    "slowing down": (lambda now: 0.5 if now < 250 else 2.0, (285, 303)),
    "speeding up": (lambda now: 2.0 if now < 250 else 0.2, (290, 300)),
    "restless": (lambda now: 0.2 if int(now / 7) % 2 else 1.7, (285, 303)),
}


@pytest.mark.parametrize("name", MACHINES)
def test_the_time_is_used_and_the_schedule_ends_with_it(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    step, (least, most) = MACHINES[name]
    machine, memory = Machine(step=step), Memory(EVENTS)
    trained = machine.limited(memory, max_minutes=5, epochs=100, warmup_epochs=5)
    assert trained.run()
    # The results, which are written afterwards, need another validation.
    results = VALIDATION_BATCHES * machine.validation * step(machine.now)
    assert least <= machine.now - 100 + results <= most
    # To within a part of the largest rate: the plan may have ended with an epoch that no longer fitted.
    assert machine.rates[-1] == pytest.approx(final_rate(trained), abs=3e-3 * 0.05)
    progress = trained.state.progress
    assert validations(memory) == progress.epoch == -(-progress.step // STEPS) < 100
    assert (progress.batch, memory.saved.count("best") > 0) == (0, True)
    summit = machine.rates.index(max(machine.rates))
    assert all(later <= earlier for earlier, later in pairwise(machine.rates[summit:]))
    # The warm-up is the same part of it.
    assert name != "slow" or summit / len(machine.rates) == pytest.approx(0.05, abs=0.02)
    printed = capsys.readouterr().out.replace("\n", " ")
    assert f"{progress.step / STEPS:.3g} of 100 epochs" in printed.rpartition("were enough for ")[2]


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("seconds", [1.0, 0.3])
def test_each_schedule_ends_at_its_end(name: str, seconds: float) -> None:
    machine = Machine(step=lambda _now: seconds)
    trained = machine.limited(Memory(EVENTS), max_minutes=4, epochs=50, warmup_epochs=2, scheduler=name)
    trained.run()
    assert machine.rates[-1] == pytest.approx(final_rate(trained), rel=1e-6)
    assert max(machine.rates) == pytest.approx(0.05, rel=0.05)


def test_a_fast_machine_trains_as_without_a_limit(capsys: pytest.CaptureFixture[str]) -> None:
    rates = []
    for minutes in (None, 60):
        machine = Machine(step=lambda _now: 0.1)
        trained = machine.limited(Memory(EVENTS), max_minutes=minutes, epochs=7, warmup_epochs=2)
        trained.run()
        rates.append(machine.rates)
    assert rates[0] == rates[1]
    assert len(rates[0]) == 7 * STEPS
    printed = capsys.readouterr().out
    assert "are enough for all 7 epochs: 280 steps, now of 0.1 s" in printed
    assert "were enough" not in printed


def test_a_plan_is_told_once_and_again_when_it_changes(capsys: pytest.CaptureFixture[str]) -> None:
    for step, lines in ((MACHINES["slow"][0], 1), (MACHINES["slowing down"][0], 2)):
        machine = Machine(step=step)
        machine.limited(Memory(EVENTS), max_minutes=5, epochs=100).run()
        printed = capsys.readouterr().out
        assert printed.count("are enough for about") in (lines, lines + 1)


def test_a_limit_that_is_much_too_small_leaves_a_validated_network() -> None:
    machine, memory = Machine(step=lambda _now: 50.0), Memory(EVENTS)
    trained = machine.limited(memory, max_minutes=0.1, epochs=3)
    assert trained.run()
    assert trained.state.progress.step == 1
    assert (validations(memory), memory.saved) == (1, ["best"])


@pytest.mark.parametrize("accumulated", [1, 3])
@pytest.mark.parametrize("stop", [110.0, 180.0, 290.0, 385.0])
def test_a_resumed_training_has_the_rest_of_its_time(stop: float, accumulated: int) -> None:
    settings: dict[str, Any] = {
        "max_minutes": 5, "epochs": 100, "warmup_epochs": 5, "grad_accum_steps": accumulated
    }  # fmt: skip
    whole = Machine()
    whole.limited(Memory(EVENTS), **settings).run()
    before = Machine(stop_at=stop)
    first = before.limited(Memory(EVENTS), **settings)
    assert not first.run()
    assert first.state.progress.timing["seconds"] == before.now - 100
    # Another machine's clock, long after.
    after = Machine(now=1e6)
    second = after.limited(Memory(EVENTS), **settings)
    # As state.restore does.
    second.state.progress = first.state.progress
    second.state.scheduler.load_state_dict(first.state.scheduler.state_dict())
    used = before.now - 100
    assert second.run()
    # Batches of the validation that was interrupted are repeated.
    repeated = VALIDATION_BATCHES * after.validation
    assert used + after.now - 1e6 <= 300
    rates = [*before.rates, *after.rates]
    assert len(rates) == pytest.approx(len(whole.rates), abs=repeated)
    assert rates[-1] == pytest.approx(whole.rates[-1], rel=1e-6)
    n = len(before.rates)
    assert rates[:n] == whole.rates[:n]
    assert rates[n : n + 5] == pytest.approx(whole.rates[n : n + 5], rel=0.1)


def test_seconds_of_a_pause_do_not_count() -> None:
    clock = MadeUpClock()
    limit = TimeLimit(1, clock)
    clock.now += 10
    with limit.paused():
        clock.now += 1000
    assert limit.used == 10
    assert limit.left == 50


def test_nothing_is_trained_when_the_time_was_used_up() -> None:
    machine, memory = Machine(), Memory(EVENTS)
    trained = machine.limited(memory, max_minutes=5, epochs=100)
    trained.state.progress.step = 7
    trained.state.progress.timing = {"seconds": 301.0}
    assert trained.run()
    assert (machine.rates, memory.logged) == ([], [])
    # The steps of an epoch that was interrupted are still validated.
    trained = machine.limited(memory, max_minutes=5, epochs=100)
    trained.state.progress.step = trained.state.progress.batch = 7
    trained.state.progress.timing = {"seconds": 301.0}
    assert trained.run()
    assert (machine.rates, validations(memory)) == ([], 1)


@pytest.mark.parametrize("seconds", [0.0, 3.0, 9.9, 10.0, 17.0, 40.0, 100.0, 1234.5])
@pytest.mark.parametrize("to_validation", [0, 1, 5, 12])
def test_steps_that_fit_by_trying(seconds: float, to_validation: int) -> None:
    step, validation, per_epoch = 0.7, 4.0, 12

    def duration(steps: int) -> float:
        after = max(0, steps - to_validation)
        n_validations = 1 + -(-after // per_epoch)
        return steps * step + n_validations * validation

    def is_worth_it(steps: int) -> bool:
        cut = max(0, steps - to_validation) % per_epoch
        return cut == 0 or cut * step >= validation

    fit = steps_that_fit(seconds, step, validation, to_validation, per_epoch)
    fitting = (n for n in range(3000) if duration(n) <= seconds + 1e-9 and is_worth_it(n))
    assert fit == max(fitting, default=0)


def test_speed_forgets() -> None:
    speed = Speed(memory=10.0)
    assert speed.seconds_per_step is None
    speed.add(20.0, 10)
    assert speed.seconds_per_step == pytest.approx(2.0)
    for _ in range(10):
        speed.add(10.0, 1)
    assert speed.seconds_per_step == pytest.approx(10.0, rel=0.01)


def test_without_a_limit_the_clock_only_counts() -> None:
    now = [5.0]
    limit = TimeLimit(None, lambda: now[0])
    limit.resume(3.0)
    now[0] = 7.0
    assert (limit.used, limit.exists) == (5.0, False)
    assert limit.left == math.inf
