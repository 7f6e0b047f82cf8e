"""What a lower precision costs: widths of the residuals of both graphs, on the same events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xec_data import EventReader, find_files
from xec_data.tasks.table import TASKS
from xec_data.tasks.task import Task
from xec_export.errors import ExportError
from xec_export.onnx.description import ModelDescription
from xec_export.onnx.parity_events import N_EVENTS, ParityEvents
from xec_export.output.input_check import named
from xec_models.regressor.metrics import half_width_68

ALLOWED_GROWTH = 0.01

# Fewer say nothing of a percent, even where both graphs see the same ones.
LEAST_EVENTS = 200
_MOST_EVENTS = 10_000
_BATCH = 16

Floats = NDArray[np.float32]
Predict = Callable[..., Mapping[str, Floats]]


@dataclass(frozen=True)
class Loss:
    """The widths of one output.

    Attributes
    ----------
    task, column, unit
        Of which output.
    full, reduced
        Half widths that hold 68 % of the residuals, in float32 and in the lower precision; of a
        classification the fractions of wrong classes.
    n_lost
        Events with a prediction in float32 and none in the lower precision.
    """

    task: str
    column: str
    unit: str
    full: float
    reduced: float
    n_lost: int = 0

    @property
    def growth(self) -> float:
        """By what fraction the width grows."""
        if self.n_lost:
            return float("inf")
        if self.full == 0:
            return 0.0 if self.reduced == 0 else float("inf")
        return self.reduced / self.full - 1


@dataclass(frozen=True)
class LossReport:
    """What a lower precision costs.

    Attributes
    ----------
    source, n_events
        The events that were compared.
    losses
        One for each output.
    """

    source: str
    n_events: int
    losses: tuple[Loss, ...]

    @property
    def worst(self) -> Loss:
        """The output that loses most."""
        return max(self.losses, key=lambda loss: loss.growth)

    @property
    def passed(self) -> bool:
        """Whether no width grows by more than a percent."""
        return self.worst.growth <= ALLOWED_GROWTH


class LossError(ExportError):
    """A lower precision that costs too much.

    Parameters
    ----------
    message
        One line.
    report
        The widths.
    """

    def __init__(self, message: str, report: LossReport) -> None:
        super().__init__(message)
        self.report = report


@dataclass(frozen=True)
class TrueEvents:
    """Events with their truth.

    Attributes
    ----------
    calibration
        Events from which ranges of numbers are found.
    npho, time
        (n, sensors) readings of the others.
    truth
        By task, (n, n_outputs) true values of the others.
    source
        Their files.
    """

    calibration: ParityEvents
    npho: Floats
    time: Floats
    truth: Mapping[str, NDArray[Any]]
    source: str


def read_true_events(data: Sequence[str | Path], tree: str, description: ModelDescription) -> TrueEvents:
    """Read events with the truth of all tasks of a network.

    Parameters
    ----------
    data
        Files, folders or patterns.
    tree
        The tree in the files.
    description
        The network: its branches and tasks.

    Raises
    ------
    DataError
        If a file cannot be read, or lacks the truth of a task.
    ExportError
        If there are too few events.
    """
    files = find_files(list(data))
    tasks = [TASKS.get_named(name) for name in description.tasks]
    branches = dict.fromkeys(branch for task in tasks for branch in task.truth.branches)
    reader = EventReader(
        files,
        ["npho", "time", *branches],
        tree_name=tree,
        npho_branch=description.npho_branch,
        time_branch=description.time_branch,
    )
    chunks = []
    n_events = 0
    for chunk in reader:
        chunks.append(chunk)
        n_events += len(chunk["npho"])
        if n_events >= N_EVENTS + _MOST_EVENTS:
            break
    least = N_EVENTS + LEAST_EVENTS
    if n_events < least:
        raise ExportError(
            f"{named(files)}: {n_events} events; expected at least {least} with truth: {N_EVENTS} for the "
            f"ranges of numbers, and {LEAST_EVENTS} to measure the loss on"
        )
    events = {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}
    rest = {name: values[N_EVENTS : N_EVENTS + _MOST_EVENTS] for name, values in events.items()}
    return TrueEvents(
        ParityEvents(events["npho"][:N_EVENTS], events["time"][:N_EVENTS], named(files)),
        rest["npho"],
        rest["time"],
        {task.name: np.asarray(task.true_values(rest), np.float64) for task in tasks},
        named(files),
    )


def measure_loss(
    full: Predict, reduced: Predict, description: ModelDescription, events: TrueEvents
) -> LossReport:
    """Compare the residuals of two graphs of one network.

    Parameters
    ----------
    full, reduced
        Map readings (n, sensors) to outputs by name.
    description
        The network.
    events
        The events.

    Raises
    ------
    ExportError
        If the graph in float32 predicts none of the events.
    """
    found = [_predicted(predict, description, events) for predict in (full, reduced)]
    losses = [
        loss
        for name in description.tasks
        for loss in _losses(TASKS[name], found[0][name], found[1][name], events.truth[name])
    ]
    if any(np.isnan(loss.full) for loss in losses):
        raise ExportError(f"{events.source}: no event has truth and a prediction of every task")
    return LossReport(events.source, len(events.npho), tuple(losses))


def _predicted(predict: Predict, description: ModelDescription, events: TrueEvents) -> dict[str, Floats]:
    parts = []
    for start in range(0, len(events.npho), _BATCH):
        batch = slice(start, start + _BATCH)
        parts.append(predict(events.npho[batch], events.time[batch]))
    return {name: np.concatenate([part[name] for part in parts]) for name in description.tasks}


def _losses(task: Task, full: Floats, reduced: Floats, truth: NDArray[Any]) -> list[Loss]:
    lost = int((np.isfinite(full).all(1) & ~np.isfinite(reduced).all(1)).sum())
    if task.n_classes:
        known = np.isfinite(full).all(1)
        wrong = [
            float(np.mean(np.argmax(values[known], axis=1) != truth[known, 0])) if known.any() else np.nan
            for values in (full, reduced)
        ]
        return [Loss(task.name, task.output_names[0], "fraction wrong", wrong[0], wrong[1], lost)]
    return [
        Loss(
            task.name,
            output.name,
            task.units[i],
            half_width_68(output.difference(full[:, i].astype(float), truth[:, i])),
            half_width_68(output.difference(reduced[:, i].astype(float), truth[:, i])),
            lost,
        )
        for i, output in enumerate(task.outputs)
    ]
