"""The training loop: epochs of steps, each epoch validated, and the best network kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric
from torch import Tensor

from xec_data.schema.branches import SENSOR_BRANCHES
from xec_train.config.sections import TrainingConfig
from xec_train.data.batch import Batch
from xec_train.data.loader import EventLoader
from xec_train.engine.checkpoints import Keeper
from xec_train.engine.evaluation import Evaluation, evaluate
from xec_train.engine.interruption import Interruption
from xec_train.engine.phases import BACKWARD, FORWARD, READ, STEP, TRANSFER, Phase, unmeasured
from xec_train.engine.state import TrainState
from xec_train.engine.steps import Steps, with_its_gradient
from xec_train.objectives.base import LOSS, Objective
from xec_train.processes.collectives import Votes, from_first
from xec_train.runs.display import Display, EpochProgress
from xec_train.tracking.base import Tracker

STEPS_BETWEEN_LOGS = 50


@dataclass
class TrainLoop:
    """A training, from wherever `state` stands to its last epoch.

    Attributes
    ----------
    fabric
        Device, precision and other processes.
    objective
        What is learnt.
    state
        Network, optimizer, and the place.
    training, validation
        The events.
    config
        Section ``training``.
    keeper
        Writes checkpoints.
    tracker, display
        Where numbers go.
    interruption
        Says when to stop early.
    bad_events
        File for events that end the training.
    phase
        Put around the parts of a step, to measure them.
    system
        Gives what was measured in an epoch, as metrics.
    """

    fabric: Fabric
    objective: Objective
    state: TrainState
    training: EventLoader
    validation: EventLoader
    config: TrainingConfig
    keeper: Keeper
    tracker: Tracker
    display: Display
    interruption: Interruption
    bad_events: Path | None = None
    phase: Phase = unmeasured
    system: Callable[[], Mapping[str, float]] = dict

    def __post_init__(self) -> None:
        """Bring in what takes the steps, and what processes agree by."""
        self.votes = Votes()
        limit = self.config.max_bad_steps
        self.steps = Steps(self.fabric, self.state, limit, self.display.warn, self.bad_events)

    def run(self) -> bool:
        """Train.

        Returns
        -------
        bool
            Whether all epochs are done; if not, ``checkpoint_last.pth`` says where to go on.

        Raises
        ------
        TrainError
            If there is no finite gradient any more.
        """
        while self.state.place.epoch < self.config.epochs:
            with self._progress("training", len(self.training), self.state.place.batch) as progress:
                finished = self._train_epoch(progress)
            evaluation = self._validate() if finished else None
            if evaluation is None:
                self.keeper.save_last(self.state)
                return False
            self._end_epoch(evaluation, progress)
        return True

    def _train_epoch(self, progress: EpochProgress) -> bool:
        place = self.state.place
        with closing(self.training.epoch(place.epoch, place.batch)) as batches:
            for window in _windows(batches, self.config.grad_accum_steps, self.phase):
                n_events = self._n_events(window)
                norm = self._step(window)
                if place.step % STEPS_BETWEEN_LOGS == 0:
                    self._log_step(norm)
                if progress.advance(n_events, len(window)):
                    self._show(progress)
                stop, save = self.votes.decide(self.interruption.requested, self.keeper.due)
                if stop:
                    return False
                if save:
                    self.keeper.save_last(self.state)
        self.state.settle()
        return True

    def _step(self, window: list[Batch]) -> Tensor:
        """One step of the optimizer on the gradient of all batches of a window."""
        state, place = self.state, self.state.place
        n_events = self._n_events(window)
        state.optimizer.zero_grad()
        batches = self._on_device(window, n_events)
        losses = [
            # Gradients are averaged over the processes, not added up.
            self._backward(batch, _size(batch) * self.fabric.world_size / n_events, last=batch is batches[-1])
            for batch in batches
        ]
        with self.phase(STEP):
            # An infinite limit clips nothing, but the norm is still measured.
            norm = self.fabric.clip_gradients(
                state.model,
                state.optimizer,
                max_norm=self.config.grad_clip or math.inf,
                error_if_nonfinite=False,
            )
            assert isinstance(norm, Tensor)
            self.steps.take(norm, losses, window)
        place.step += 1
        place.batch += len(window)
        return norm

    def _on_device(self, window: list[Batch], n_events: int) -> list[Batch]:
        with self.phase(TRANSFER):
            batches = [self.objective.augment(self.fabric.to_device(batch)) for batch in window]
            alone = len(batches) == self.fabric.world_size == 1
            return batches if alone else self.objective.join(self.state.network, batches, n_events)

    def _backward(self, batch: Batch, share: float, *, last: bool) -> dict[str, Tensor]:
        """Add the gradient of a batch, weighted by its share of the window's events."""
        # Gradients are exchanged once per step, with the last batch.
        waits = self.fabric.world_size > 1 and not last
        with self.fabric.no_backward_sync(self.state.model) if waits else nullcontext():
            with self.phase(FORWARD):
                with self.fabric.autocast():
                    raw = self.objective.forward(self.state.model, batch)
                losses = self.objective.losses(self.state.network, raw, batch)
            with self.phase(BACKWARD):
                self.fabric.backward(with_its_gradient(losses[LOSS]) * share)
        return losses

    def _validate(self) -> Evaluation | None:
        with self._progress("validation", len(self.validation)) as progress:
            return evaluate(
                self.fabric,
                self.objective,
                self.state.evaluated,
                self.validation,
                progress,
                stop=lambda: self.interruption.requested,
            )

    def _end_epoch(self, evaluation: Evaluation, progress: EpochProgress) -> None:
        place = self.state.place
        numbers = {
            f"train_{LOSS}": math.nan,  # stays if every step was skipped
            **place.means.everywhere().values("train_"),
            **{f"val_{name}": value for name, value in evaluation.losses.items()},
            **evaluation.metrics,
            **self.objective.figures(self.state.layout.whole(self.state.network)),
            "bad_steps": float(place.bad_steps),
            "lr": self.state.scheduler.rate,
            "epoch_duration_sec": progress.seconds,
            "throughput_events_per_sec": progress.events_per_second,
            **self.system(),
        }
        improved = evaluation.loss < place.best_value
        place.best_value = min(evaluation.loss, place.best_value)
        place.sigma_factors = from_first(
            lambda: self.objective.sigma_factors(evaluation.outputs, evaluation.events)
        )
        self.state.scheduler.end_epoch(evaluation.loss)
        place.next_epoch()
        self.tracker.log(numbers, place.epoch, place.step)
        self.keeper.save_epoch(self.state, improved)
        self.display.line(self._epoch_line(numbers, improved))

    def _epoch_line(self, numbers: Mapping[str, float], improved: bool) -> str:
        quality = [
            f"{name} {numbers[name]:.4g} {unit}".rstrip() for name, unit in self.objective.headlines.items()
        ]
        columns = [
            f"epoch {self.state.place.epoch:>3}/{self.config.epochs}",
            f"train {numbers[f'train_{LOSS}']:<8.4g}",
            f"val {numbers[f'val_{LOSS}']:<8.4g}{'*' if improved else ' '}",
            *quality,
            f"{numbers['epoch_duration_sec']:.1f} s",
            f"{numbers['throughput_events_per_sec']:.0f} events/s",
        ]
        return "  ".join(columns)

    def _log_step(self, norm: Tensor) -> None:
        place = self.state.place
        self.state.settle()
        numbers = {
            "train_loss_so_far": place.means.everywhere().values().get(LOSS, math.nan),
            "grad_norm": float(norm),
            "lr": self.state.scheduler.rate,
        }
        self.tracker.log(numbers, place.epoch + 1, place.step)

    def _show(self, progress: EpochProgress) -> None:
        """What this process knows by itself: its clock says when."""
        self.steps.look()
        loss = self.state.place.means.values().get(LOSS, math.nan)
        progress.show({LOSS: loss, "lr": self.state.scheduler.rate})

    def _n_events(self, window: list[Batch]) -> int:
        """Events of a window that comes next, over all processes."""
        if self.fabric.world_size == 1:
            return sum(map(_size, window))
        return self.training.n_events_in(self.state.place.batch, len(window))

    def _progress(self, what: str, n_batches: int, done: int = 0) -> Any:
        title = f"epoch {self.state.place.epoch + 1}/{self.config.epochs} {what}"
        return self.display.progress(title, n_batches, done)


def _windows(batches: Iterator[Batch], size: int, phase: Phase) -> Iterator[list[Batch]]:
    while True:
        with phase(READ):
            window = list(islice(batches, size))
        if not window:
            return
        yield window


def _size(batch: Batch) -> int:
    return len(batch[SENSOR_BRANCHES[0]])
