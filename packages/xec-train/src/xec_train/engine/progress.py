"""The progress of a training: epochs, batches and steps that are done, and their losses."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from xec_train.engine.means import Means


@dataclass
class Progress:
    """Counters and losses of a training.

    Attributes
    ----------
    epoch
        Epochs that are done.
    batch
        Batches of the current epoch that are done.
    step
        Steps of the optimizer.
    best_value
        Smallest validation loss.
    means
        Losses of the current epoch.
    bad_steps, bad_in_a_row
        Steps that were skipped in the current epoch, and those skipped since the last good one.
    sigma_factors, residual_factors
        Factors on predicted uncertainties, and on what the network adds to its anchor, that the last
        validation gave, by task.
    timing
        Time that the training had used when it was last saved, in seconds, and the speed of its machine.
    largest_gradient
        Largest norm of a finite gradient in the current epoch, before it was clipped.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    best_value: float = math.inf
    means: Means = field(default_factory=Means)
    bad_steps: int = 0
    bad_in_a_row: int = 0
    sigma_factors: dict[str, list[float]] = field(default_factory=dict)
    residual_factors: dict[str, list[float]] = field(default_factory=dict)
    timing: dict[str, float] = field(default_factory=dict)
    largest_gradient: float = 0.0

    def next_epoch(self) -> None:
        """Count an epoch as done."""
        self.epoch += 1
        self.restart_epoch()

    def restart_epoch(self) -> None:
        """Return to the first batch of the current epoch."""
        self.batch, self.means, self.bad_steps, self.largest_gradient = 0, Means(), 0, 0.0
