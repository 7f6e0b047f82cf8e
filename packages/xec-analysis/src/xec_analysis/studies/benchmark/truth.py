"""The true values of a set's events, and which events they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xec_analysis.studies.benchmark.sets import TASKS_MEASURED, EventSet
from xec_data.reading.reader import EventReader
from xec_data.tasks.table import TASKS, truth_branches

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

IDENTITY = ("run", "event")


@dataclass(frozen=True)
class SetTruth:
    """The true values of a set.

    Attributes
    ----------
    events
        The set.
    values
        Task → (n, outputs), in xec's units.
    run, event
        (n,) identification.
    """

    events: EventSet
    values: dict[str, Floats]
    run: Integers
    event: Integers

    def __len__(self) -> int:
        return len(self.event)

    def variable(self, output: str) -> Floats:
        """Return the true value of an output, (n,)."""
        for task, values in self.values.items():
            names = TASKS[task].output_names
            if output in names:
                return values[:, names.index(output)]
        raise KeyError(output)


def read_truth(events: EventSet, path: Path) -> SetTruth:
    """Read the truth of a set from its file.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    wanted = (*IDENTITY, *truth_branches(TASKS_MEASURED), "emiVec")
    parts: dict[str, list[NDArray[np.generic]]] = {name: [] for name in wanted}
    with EventReader(path, wanted) as reader:
        for chunk in reader:
            for name, arrays in parts.items():
                arrays.append(chunk[name])
    columns = {name: np.concatenate(arrays) for name, arrays in parts.items()}
    values = {task: np.asarray(TASKS[task].true_values(columns), np.float64) for task in TASKS_MEASURED}
    run, event = (columns[name].astype(np.int64) for name in IDENTITY)
    return SetTruth(events, values, run, event)
