"""The resolution of a network on the validation data of its training, from the files of its run."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np

from xec_data.tasks.table import TASKS
from xec_data.tasks.task import Task
from xec_models.checkpoint.run_directory import RunDirectory
from xec_models.regressor.metrics import half_width_68


def validated_resolution(run: RunDirectory, checkpoint: Path) -> dict[str, list[float]]:
    """Compute the 68 % half widths of the validation of a run.

    Parameters
    ----------
    run
        The run directory.
    checkpoint
        The checkpoint in question.

    Returns
    -------
    dict
        By task, a half width for each output in its unit; empty unless the checkpoint is the one that was
        validated at the end of the run. Tasks without residuals (classes), or without a file, are left out.
    """
    if checkpoint.resolve() != run.checkpoint_best.resolve():
        return {}
    widths = {}
    for name, task in TASKS.items():
        path = run.predictions(name)
        if not task.n_classes and path.is_file():
            found = _widths(path, task)
            if found is not None:
                widths[name] = found
    return widths


def _widths(path: Path, task: Task) -> list[float] | None:
    names = [f"{kind}_{output.name}" for output in task.outputs for kind in ("pred", "truth")]
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        header = next(rows, [])
        if any(name not in header for name in names):
            return None
        columns = [header.index(name) for name in names]
        try:
            values = np.array([[float(row[column]) for column in columns] for row in rows])
        except (ValueError, IndexError):
            # A file that someone has edited is no reason not to export.
            return None
    if not len(values):
        return None
    widths = [
        half_width_68(output.difference(values[:, 2 * i], values[:, 2 * i + 1]))
        for i, output in enumerate(task.outputs)
    ]
    return widths if all(map(math.isfinite, widths)) else None
