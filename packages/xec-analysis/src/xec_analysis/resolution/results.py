"""Predictions beside the truth, task by task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xec_data.tasks.output import Output
from xec_data.tasks.table import TASKS
from xec_data.tasks.task import Task

Floats = NDArray[np.float64]
Columns = Mapping[str, NDArray[np.generic]]

RUN = "run"
"""Name of the variable that tells the run."""

PHOTONS = "photons"
"""Name of the variable that tells the light of an event: the sum over all sensors."""


@dataclass(frozen=True)
class Reference:
    """What predictions are compared with.

    Attributes
    ----------
    name
        In sentences.
    adjective
        Before the symbol of a quantity, in plots.
    """

    name: str
    adjective: str


TRUTH = Reference("truth", "true")
CONVENTIONAL = Reference("conventional reconstruction", "conv.")


@dataclass(frozen=True)
class TaskResult:
    """Predictions of one task that can be compared: both numbers finite, event by event.

    Attributes
    ----------
    task
        The task's name, a key of `xec_data.tasks.TASKS`.
    prediction, truth
        Shape (n, outputs), each in its unit; `truth` is what `reference` says.
    variables
        Values that the residuals may depend on: the outputs of all tasks whose reference the file has, by
        name, in their units, shape (n,); NaN where an event has no valid one.
    entries
        Their entries in the file, shape (n,).
    run, event
        Identification, shape (n,); -1 where the file has none.
    n_events
        Entries of the file.
    n_bad_prediction, n_bad_truth
        Entries excluded because the prediction, or else the truth, is not finite.
    reference
        What the predictions are compared with.
    remark
        What a reader of the plots has to know; may be empty.
    """

    task: str
    prediction: Floats
    truth: Floats
    variables: Mapping[str, Floats]
    entries: NDArray[np.int64]
    run: NDArray[np.int64]
    event: NDArray[np.int64]
    n_events: int
    n_bad_prediction: int
    n_bad_truth: int
    reference: Reference = TRUTH
    remark: str = ""

    @property
    def spec(self) -> Task:
        """The task."""
        return TASKS[self.task]

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the columns of prediction and truth."""
        return self.spec.output_names

    def output(self, name: str) -> Output:
        """Return one output of the task."""
        return self.spec.outputs[self.outputs.index(name)]

    def __len__(self) -> int:
        return len(self.entries)

    def residual(self, output: str) -> Floats:
        """Prediction minus truth of one output, shape (n,), in its unit."""
        column = self.outputs.index(output)
        return self.output(output).difference(self.prediction[:, column], self.truth[:, column])

    def true(self, output: str) -> Floats:
        """Truth of one output, shape (n,)."""
        return self.truth[:, self.outputs.index(output)]

    def predicted(self, output: str) -> Floats:
        """Prediction of one output, shape (n,)."""
        return self.prediction[:, self.outputs.index(output)]


@dataclass(frozen=True)
class Results:
    """All results of a run or file.

    Attributes
    ----------
    name
        Name of the run, or of the file without its suffix.
    source
        The run directory or file.
    tasks
        Task name to result, in the order of `xec_data.tasks.TASKS`.
    notes
        One line each about predictions in the file that cannot be compared.
    """

    name: str
    source: Path
    tasks: dict[str, TaskResult]
    notes: tuple[str, ...] = ()

    @property
    def reference(self) -> Reference:
        """What all predictions are compared with."""
        return next((result.reference for result in self.tasks.values()), TRUTH)
