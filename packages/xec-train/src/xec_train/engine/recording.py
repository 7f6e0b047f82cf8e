"""The record of each step in the state of a training, one step behind the device."""

from __future__ import annotations

import math

from xec_train.engine.optimization.bad_steps import BadStepGuard
from xec_train.engine.optimization.optimizer_step import StepOutcome
from xec_train.engine.state import TrainState


class StepRecorder:
    """Recorder of steps: updates average, schedule, means and counts.

    A step is recorded before the next one is taken, when the host can know its outcome without waiting. The
    state is the same as after waiting at once.

    Parameters
    ----------
    state
        State of the training.
    guard
        Guard that counts bad steps.
    """

    def __init__(self, state: TrainState, guard: BadStepGuard) -> None:
        self.state, self.guard = state, guard
        self._pending: StepOutcome | None = None

    def add(self, outcome: StepOutcome) -> None:
        """Take a step that has just been queued, after `complete_pending`."""
        self._pending = outcome

    def complete_pending(self) -> None:
        """Wait for the pending step and record it, so that all parts of the state are of the same step.

        Raises
        ------
        TrainError
            If too many steps in a row were bad. A collective call.
        """
        self.poll()
        self.guard.raise_if_too_many(self.state.progress)

    def poll(self) -> None:
        """Record the pending step without raising; not a collective call."""
        outcome, self._pending = self._pending, None
        if outcome is None:
            return
        state, progress = self.state, self.state.progress
        norm = outcome.gradient_norm()
        if not math.isfinite(norm):
            progress.bad_steps += 1
            progress.bad_in_a_row += 1
            self.guard.add(outcome, progress)
            return
        for losses, size in zip(outcome.losses, outcome.sizes, strict=True):
            progress.means.add(losses, size)
        if state.ema is not None:
            state.ema.update_parameters(state.modules)
        state.scheduler.step()
        progress.largest_gradient = max(progress.largest_gradient, norm)
        progress.bad_in_a_row = 0
