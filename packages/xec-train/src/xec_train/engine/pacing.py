"""Pacing of a training with a time limit: as many steps as fit, the last of them at the schedule's end.

The speed is measured while the training runs, and the steps that are left are planned again and again. A
machine that gets slower or faster changes their number; the schedule passes faster or more slowly through
what is left of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from xec_train.engine.state import TrainState
from xec_train.engine.time_limit import Speed, TimeLimit, steps_that_fit
from xec_train.processes.group import Processes

# The first steps allocate memory, choose algorithms and compile.
_UNMEASURED_STEPS = 2
# Parts of the limit: the time between two plans, and the time after which a speed counts half.
_BETWEEN_PLANS, _MEMORY = 1 / 200, 1 / 10
# Time of a batch of validation, in batches of training, until one is measured: no gradient, and a margin.
_GUESSED_VALIDATION = 0.7
# Measured steps before the plan is told; after an epoch it is told again if it has changed by such a part.
_ENOUGH_TO_TELL, _NOTEWORTHY = 5, 0.2


@dataclass(frozen=True)
class EpochLength:
    """Length of an epoch.

    Attributes
    ----------
    steps, batches_per_step
        Steps of training, and batches of each.
    validation_batches
        Batches of validation.
    """

    steps: int
    batches_per_step: int
    validation_batches: int


@dataclass(frozen=True)
class Plan:
    """The steps that are left, the same in all processes.

    Attributes
    ----------
    steps
        Their number.
    valid_for
        Steps after which the next plan is made.
    seconds_per_step
        Measured time of a step; None: not measured yet.
    """

    steps: int
    valid_for: int = 1
    seconds_per_step: float | None = None

    def after_step(self) -> Plan:
        """Return the plan after one of its steps."""
        return replace(self, steps=self.steps - 1, valid_for=self.valid_for - 1)


class Pacing:
    """Planner of the steps of a training, by the clock of rank 0. Without a limit it does nothing.

    Parameters
    ----------
    limit
        The time limit.
    state
        State of the training, with the schedule that is paced.
    processes
        The processes.
    epochs
        Largest number of epochs.
    length
        Length of an epoch.
    settle
        Waits for the device and brings the state up to date; a collective call.
    note
        Called with a line about the plan.
    """

    def __init__(
        self,
        limit: TimeLimit,
        state: TrainState,
        processes: Processes,
        epochs: int,
        length: EpochLength,
        settle: Callable[[], None],
        note: Callable[[str], None],
    ) -> None:
        self._limit, self._state, self._processes = limit, state, processes
        self._epochs, self._length, self._settle, self._note = epochs, length, settle, note
        self._speed, self._measured, self._announced = Speed(_MEMORY * limit.seconds), 0, 0
        self._unmeasured = _UNMEASURED_STEPS
        # Seconds, and seconds of a step at that time: a machine that gets slower validates more slowly, too.
        self._validation: tuple[float, float | None] | None = None
        self._mark, self._since_mark = limit.now(), 0
        self._plan = Plan(self._steps_in_epochs)

    @property
    def no_step_left(self) -> bool:
        """Whether the time is up."""
        return self._limit.exists and self._plan.steps <= 0

    def begin(self) -> None:
        """Continue where the state of the training was saved, and plan. A collective call."""
        saved = self._state.progress.timing
        self._limit.resume(saved.get("seconds", 0.0))
        if saved.get("steps_per_epoch") == self._length.steps:
            self._speed.seconds, self._speed.steps = saved["speed_seconds"], saved["speed_steps"]
            if "validation" in saved:
                self._validation = saved["validation"], saved.get("step_then")
        self._plan_rest()
        if self.no_step_left and saved:
            self._note(
                f"{self._minutes} are used up, only the results are written again; a larger "
                "training.max_minutes continues"
            )

    def state_dict(self) -> dict[str, float]:
        """Return the time used and the speed measured, for `begin`."""
        state = {
            "seconds": self._limit.used,
            "steps_per_epoch": self._length.steps,
            "speed_seconds": self._speed.seconds,
            "speed_steps": self._speed.steps,
        }
        if self._validation is not None:
            seconds, step_then = self._validation
            state |= {"validation": seconds} | ({} if step_then is None else {"step_then": step_then})
        return state

    def begin_steps(self) -> None:
        """Start to measure the steps of an epoch."""
        self._mark, self._since_mark = self._limit.now(), 0

    def after_step(self) -> bool:
        """Count a step, and plan again where that is due; return whether it was the last one.

        A collective call.
        """
        if not self._limit.exists:
            return False
        self._since_mark += 1
        self._plan = self._plan.after_step()
        if self._plan.valid_for <= 0 and self._plan.steps > 0:
            self._settle()
            self._measure()
            self._plan_rest()
        return self.no_step_left

    def end_steps(self) -> None:
        """Measure the last steps of an epoch, and start to measure its validation."""
        self._measure()

    def end_epoch(self) -> None:
        """Measure validation and checkpoint, and plan the rest if any is left. A collective call."""
        self._validation = self._limit.now() - self._mark, self._speed.seconds_per_step
        if not self.no_step_left:
            self._plan_rest()
            self._announce()

    def tell_end(self) -> None:
        """Tell how many epochs fitted, if they are not all that were configured."""
        if self.no_step_left and self._steps_in_epochs:
            done = self._in_epochs(self._state.progress.step)
            self._note(f"{self._minutes} were enough for {done} of {self._epochs} epochs")

    def _plan_rest(self) -> None:
        """Plan the steps that are left, and pace the schedule accordingly."""
        if not self._limit.exists:
            return
        self._plan = self._processes.broadcast(self._new_plan)
        if self._plan.seconds_per_step is not None and self._plan.steps > 0:
            self._state.scheduler.end_after(self._plan.steps)
            if not self._announced:
                self._announce()

    def _new_plan(self) -> Plan:
        in_epochs, step = self._steps_in_epochs, self._speed.seconds_per_step
        if step is None:
            time_is_up = self._limit.left <= 0 and self._state.progress.step > 0
            return Plan(0 if time_is_up else in_epochs)
        validation, per_epoch = self._seconds_of_validation(step), self._length.steps
        # One more for the results of the best network.
        seconds = self._limit.left - validation
        fit = steps_that_fit(seconds, step, validation, per_epoch - self._steps_done, per_epoch)
        steps = min(fit, in_epochs)
        valid_for = int(_BETWEEN_PLANS * self._limit.seconds / step)
        return Plan(steps, max(1, min(valid_for, steps // 2)), step)

    def _seconds_of_validation(self, step: float) -> float:
        if self._validation is None:
            batches = self._length.validation_batches / self._length.batches_per_step
            return _GUESSED_VALIDATION * batches * step
        seconds, step_then = self._validation
        return seconds if step_then is None else seconds * step / step_then

    def _measure(self) -> None:
        now = self._limit.now()
        if self._unmeasured > 0:
            self._unmeasured -= self._since_mark
        elif self._since_mark:
            self._speed.add(now - self._mark, self._since_mark)
            self._measured += self._since_mark
        self._mark, self._since_mark = now, 0

    def _announce(self) -> None:
        steps, total = self._plan.steps, self._state.progress.step + self._plan.steps
        if not self._limit.exists or not steps or self._measured < _ENOUGH_TO_TELL:
            return
        if abs(total - self._announced) <= _NOTEWORTHY * total:
            return
        self._announced = total
        if steps == self._steps_in_epochs:
            what = f"all {self._epochs} epochs"
        else:
            what = f"about {self._in_epochs(total)} of {self._epochs} epochs"
        self._note(
            f"{self._minutes} are enough for {what}: {total} steps, now of "
            f"{self._plan.seconds_per_step or 0.0:.2g} s; the learning rate is planned for them"
        )

    def _in_epochs(self, steps: int) -> str:
        return f"{steps / self._length.steps:.3g}"

    @property
    def _minutes(self) -> str:
        return f"the {self._limit.seconds / 60:g} minutes of training.max_minutes"

    @property
    def _steps_done(self) -> int:
        """Steps of the current epoch that are done."""
        return -(-self._state.progress.batch // self._length.batches_per_step)

    @property
    def _steps_in_epochs(self) -> int:
        """Steps of all epochs that are left."""
        epochs = self._epochs - self._state.progress.epoch
        return max(0, epochs * self._length.steps - self._steps_done)
