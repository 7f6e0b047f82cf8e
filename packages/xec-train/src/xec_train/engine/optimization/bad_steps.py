"""Steps without a finite gradient: a warning at the first, an error after too many."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from xec_data.schema.branches import ID_BRANCHES
from xec_data.writing.csv_writer import CsvWriter
from xec_train.engine.optimization.optimizer_step import StepOutcome
from xec_train.engine.progress import Progress
from xec_train.errors import TrainError
from xec_train.objectives.base import LOSS
from xec_train.processes.group import Processes

_MAX_EVENTS_SHOWN = 8


class BadStepGuard:
    """Guard against steps without a finite gradient.

    Parameters
    ----------
    processes
        The processes of the training.
    limit
        Number of bad steps in a row that ends the training.
    warn
        Called with a line about the first of them.
    path
        File for the events that ended it; None: none is written.
    """

    def __init__(
        self, processes: Processes, limit: int, warn: Callable[[str], None], path: Path | None = None
    ) -> None:
        self.processes, self.limit, self.warn, self.path = processes, limit, warn, path
        self._fatal: StepOutcome | None = None

    def add(self, outcome: StepOutcome, progress: Progress) -> None:
        """Register a bad step, which `progress` has counted."""
        if progress.bad_in_a_row >= self.limit:
            self._fatal = outcome
        elif progress.bad_in_a_row == 1:
            self.warn(
                f"step {progress.step} in epoch {progress.epoch + 1} is skipped: its loss or gradient is not "
                "finite"
            )

    def raise_if_too_many(self, progress: Progress) -> None:
        """Raise the error about too many bad steps, if there were. A collective call.

        Raises
        ------
        TrainError
            Naming the events of the last one.
        """
        if self._fatal is not None:
            raise self.processes.shared_error(self._error(self._fatal, progress))

    def _error(self, outcome: StepOutcome, progress: Progress) -> TrainError:
        rows = gather_suspects(_suspects(outcome), self.processes)
        message = (
            f"{progress.bad_in_a_row} steps in a row had no finite loss or gradient "
            f"(training.max_bad_steps), the last one is step {progress.step} in epoch {progress.epoch + 1}"
        )
        names = [name for name in ID_BRANCHES if rows and name in rows[0]]
        if names:
            events = [", ".join(f"{name} {int(row[name])}" for name in names) for row in rows]
            more = f"; and {len(events) - _MAX_EVENTS_SHOWN} more" if len(events) > _MAX_EVENTS_SHOWN else ""
            message += f", with the events: {'; '.join(events[:_MAX_EVENTS_SHOWN])}{more}"
        if self.path is not None and names:
            if self.processes.is_first:
                _write(self.path, names, rows, progress)
            message += f" (all in {self.path})"
        return TrainError(
            f"{message}. A lower training.lr or a smaller training.grad_clip may help if it is not the "
            "events; the checkpoints of earlier epochs are unchanged"
        )


def _write(path: Path, names: list[str], rows: list[dict[str, float]], progress: Progress) -> None:
    when: dict[str, list[Any]] = {
        "epoch": [progress.epoch + 1] * len(rows),
        "step": [progress.step] * len(rows),
    }
    table = {**when, **{name: [row[name] for row in rows] for name in (*names, LOSS)}}
    with CsvWriter(path, list(table)) as file:
        file.extend(table)


def _suspects(outcome: StepOutcome) -> list[dict[str, float]]:
    """Return the events of the batches whose loss is not finite; if all are finite, of all batches."""
    losses = [float(parts[LOSS]) for parts in outcome.losses]
    bad = [not math.isfinite(loss) for loss in losses]
    rows: list[dict[str, float]] = []
    for identity, loss, is_bad in zip(outcome.identities, losses, bad, strict=True):
        if is_bad or not any(bad):
            numbers = zip(*(values.tolist() for values in identity.values()), strict=True)
            rows += [{**dict(zip(identity, event, strict=True)), LOSS: loss} for event in numbers]
    return rows


def gather_suspects(rows: list[dict[str, float]], processes: Processes) -> list[dict[str, float]]:
    """Return the suspects of all processes; only those with a bad loss if there are any."""
    every = [row for part in processes.all_gather(rows) for row in part]
    bad = [row for row in every if not math.isfinite(row[LOSS])]
    return bad or every
