"""The training loop: epochs of steps, each epoch validated, and the best network kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric
from torch import Tensor

from xec_train.config.sections import TrainingConfig
from xec_train.data.batch import Batch
from xec_train.data.loader import EventLoader
from xec_train.data.plan import ceil_div
from xec_train.engine.checkpoints import CheckpointWriter
from xec_train.engine.display import Display, ProgressBar
from xec_train.engine.evaluation import Evaluation, evaluate
from xec_train.engine.interruption import Interruption
from xec_train.engine.measurement.phases import READ, STEP, Phase, unmeasured
from xec_train.engine.optimization.accumulation import GradientAccumulation, batch_size
from xec_train.engine.optimization.bad_steps import BadStepGuard
from xec_train.engine.optimization.optimizer_step import OptimizerStep
from xec_train.engine.pacing import EpochLength, Pacing
from xec_train.engine.recording import StepRecorder
from xec_train.engine.state import TrainState
from xec_train.engine.time_limit import TimeLimit
from xec_train.objectives.base import LOSS, Objective
from xec_train.processes.group import DelayedAny, Processes
from xec_train.tracking.base import Tracker

STEPS_BETWEEN_LOGS = 50


def no_hook(_loop: TrainLoop) -> bool:
    """Do nothing after a step, and let the epoch continue."""
    return False


def no_epoch_hook(_epoch: int, _numbers: Mapping[str, float]) -> bool:
    """Do nothing after an epoch, and let the training continue."""
    return False


@dataclass
class TrainLoop:
    """The training loop, from the progress in `state` to the last epoch, or the last that fits.

    Attributes
    ----------
    fabric, processes
        Device and precision; the processes.
    objective
        Objective of the training.
    state
        Network, optimizer and progress.
    training, validation
        The events.
    config
        Section ``training``.
    writer
        Writes checkpoints; None: none are written.
    tracker, display
        Destinations of metrics and of messages.
    interruption
        Requests to stop early.
    time_limit
        The clock of the training, and its limit.
    bad_events
        File for events that end the training.
    phase
        Hook: context of each phase of a step, to measure it.
    after_step
        Hook: called with the loop after every step; the epoch ends if it returns True, which must agree in
        all processes. `complete_pending` makes the last step part of the state.
    after_epoch
        Hook: called with the number of every epoch (from 1) and its metrics, after its checkpoint; the
        training stops if it returns True, which must agree in all processes.
    system_metrics
        Hook: returns system metrics of an epoch.
    """

    fabric: Fabric
    processes: Processes
    objective: Objective[Any]
    state: TrainState
    training: EventLoader
    validation: EventLoader
    config: TrainingConfig
    writer: CheckpointWriter | None
    tracker: Tracker
    display: Display
    interruption: Interruption
    time_limit: TimeLimit = field(default_factory=TimeLimit)
    bad_events: Path | None = None
    phase: Phase = unmeasured
    after_step: Callable[[TrainLoop], bool] = no_hook
    after_epoch: Callable[[int, Mapping[str, float]], bool] = no_epoch_hook
    system_metrics: Callable[[], Mapping[str, float]] = dict

    def __post_init__(self) -> None:
        """Assemble the parts of a step."""
        self._any_request = DelayedAny(self.processes)
        self._gradient = GradientAccumulation(
            self.fabric, self.processes, self.objective, self.state, self.phase
        )
        self._optimizer_step = OptimizerStep(self.state.optimizer, self.fabric.strategy.precision)
        guard = BadStepGuard(self.processes, self.config.max_bad_steps, self.display.warn, self.bad_events)
        self._recorder = StepRecorder(self.state, guard)
        accumulated = self.config.grad_accum_steps
        self._pacing = Pacing(
            self.time_limit,
            self.state,
            self.processes,
            self.config.epochs,
            EpochLength(ceil_div(len(self.training), accumulated), accumulated, len(self.validation)),
            settle=self.complete_pending,
            note=self.display.note,
        )

    def run(self) -> bool:
        """Train.

        Returns
        -------
        bool
            Whether the training is done; if not, ``checkpoint_last.pth`` is where to resume: a signal or
            `after_epoch` has stopped it.

        Raises
        ------
        TrainError
            If too many steps in a row have no finite gradient.
        """
        self._pacing.begin()
        while not self._is_done:
            with self.progress_bar("training", len(self.training), self.state.progress.batch) as bar:
                finished = self.train_epoch(bar)
            evaluation = self._validate() if finished else None
            if evaluation is None:
                self._save_last()
                return False
            numbers = self._end_epoch(evaluation, bar)
            if self.after_epoch(self.state.progress.epoch, numbers):
                return False
        self._pacing.tell_end()
        return True

    def train_epoch(self, bar: ProgressBar) -> bool:
        """Take the steps of an epoch that remain and fit; return whether all are done."""
        progress = self.state.progress
        self._pacing.begin_steps()
        with closing(self.training.epoch(progress.epoch, progress.batch)) as batches:
            for window in self._windows(batches):
                n_events = self._n_events(window)
                norm = self.step(window)
                if self.after_step(self):
                    return False
                if progress.step % STEPS_BETWEEN_LOGS == 0:
                    self._log_step(norm)
                if bar.advance(n_events, len(window)):
                    self._show(bar)
                save_is_due = self.writer is not None and self.writer.due
                stop, save = self._any_request.ask(self.interruption.requested, save_is_due)
                if stop:
                    return False
                if save:
                    self._save_last()
                if self._pacing.after_step():
                    break
        self.complete_pending()
        self._pacing.end_steps()
        return True

    def step(self, window: list[Batch]) -> Tensor:
        """Take one step of the optimizer on the gradient of all batches of a window; return its norm."""
        state = self.state
        losses = self._gradient.backward(window, self._n_events(window))
        with self.phase(STEP):
            # An infinite limit clips nothing, but the norm is still measured.
            norm = self.fabric.clip_gradients(
                state.model,
                state.optimizer,
                max_norm=self.config.grad_clip or math.inf,
                error_if_nonfinite=False,
            )
            assert isinstance(norm, Tensor)
            self.complete_pending()
            self._recorder.add(self._optimizer_step.take(norm, losses, window))
        state.progress.step += 1
        state.progress.batch += len(window)
        return norm

    def complete_pending(self) -> None:
        """Wait for the step that still runs on the device, and record it in the state.

        Raises
        ------
        TrainError
            If too many steps in a row were bad. A collective call.
        """
        self._recorder.complete_pending()

    def progress_bar(self, what: str, n_batches: int, done: int = 0) -> AbstractContextManager[ProgressBar]:
        """Show the progress of the current epoch."""
        title = f"epoch {self.state.progress.epoch + 1}/{self.config.epochs} {what}"
        return self.display.progress_bar(title, n_batches, done)

    @property
    def _is_done(self) -> bool:
        """Whether no epoch is to be begun or, after an interruption, to be validated."""
        progress = self.state.progress
        return progress.epoch >= self.config.epochs or (self._pacing.no_step_left and not progress.batch)

    def _windows(self, batches: Iterator[Batch]) -> Iterator[list[Batch]]:
        """Yield the batches of each step."""
        while not self._pacing.no_step_left:
            with self.phase(READ):
                window = list(islice(batches, self.config.grad_accum_steps))
            if not window:
                return
            yield window

    def _validate(self) -> Evaluation | None:
        with self.progress_bar("validation", len(self.validation)) as bar:
            evaluated = self.state.evaluated
            return evaluate(
                self.fabric,
                self.processes,
                self.objective.with_learned(evaluated.learned),
                evaluated.network,
                self.validation,
                bar,
                stop=lambda: self.interruption.requested,
            )

    def _end_epoch(self, evaluation: Evaluation, bar: ProgressBar) -> Mapping[str, float]:
        progress = self.state.progress
        current = self.state.sharding.full_modules(self.state.modules)
        numbers = {
            f"train_{LOSS}": math.nan,  # stays if every step was skipped
            **progress.means.over(self.processes).values("train_"),
            **{f"val_{name}": value for name, value in evaluation.losses.items()},
            **evaluation.metrics,
            **self.objective.report.figures(current.network, current.learned),
            "bad_steps": float(progress.bad_steps),
            "grad_norm_max": progress.largest_gradient,
            "lr": self.state.scheduler.rate,
            "system/epoch_duration_sec": bar.seconds,
            "system/throughput_events_per_sec": bar.events_per_second,
            **self.system_metrics(),
        }
        improved = evaluation.loss < progress.best_value
        progress.best_value = min(evaluation.loss, progress.best_value)
        progress.sigma_factors, progress.residual_factors = self.processes.broadcast(
            lambda: self.objective.report.factors(evaluation.predictions)
        )
        self.state.scheduler.end_epoch(evaluation.loss)
        if remark := self.objective.report.remark(progress.residual_factors):
            self.display.line(remark)
        progress.next_epoch()
        progress.timing = self._pacing.state_dict()
        self.tracker.log(numbers, progress.epoch, progress.step)
        if self.writer is not None:
            self.writer.save_epoch(self.state, improved)
        self.display.epoch(
            progress.epoch, self.config.epochs, numbers, self.objective.report.headlines, improved
        )
        self._pacing.end_epoch()
        return numbers

    def _save_last(self) -> None:
        self.complete_pending()
        self.state.progress.timing = self._pacing.state_dict()
        if self.writer is not None:
            self.writer.save_last(self.state)

    def _log_step(self, norm: Tensor) -> None:
        self.complete_pending()
        progress = self.state.progress
        numbers = {
            "train_loss_so_far": progress.means.over(self.processes).values().get(LOSS, math.nan),
            "grad_norm": float(norm),
            "lr": self.state.scheduler.rate,
        }
        self.tracker.log(numbers, progress.epoch + 1, progress.step)

    def _show(self, bar: ProgressBar) -> None:
        # The clock of this process decides when, so this must not be a collective call.
        self._recorder.poll()
        loss = self.state.progress.means.values().get(LOSS, math.nan)
        bar.show({LOSS: loss, "lr": self.state.scheduler.rate})

    def _n_events(self, window: list[Batch]) -> int:
        """Return the number of events of the next window, over all processes."""
        if not self.processes.is_distributed:
            return sum(map(batch_size, window))
        return self.training.n_events_in(self.state.progress.batch, len(window))
