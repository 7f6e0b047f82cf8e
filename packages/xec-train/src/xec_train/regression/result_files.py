"""The validation, event by event, as the files of a run directory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xec_data.schema.branches import ID_BRANCHES, RECO_BRANCHES, TRUTH_BRANCHES
from xec_data.tasks.table import TASKS
from xec_data.writing.csv_writer import CsvWriter
from xec_data.writing.tree_writer import TreeWriter
from xec_models.checkpoint.run_directory import RunDirectory
from xec_models.regressor.predictions import (
    NPHO_SUM,
    SIGMA_SUFFIX,
    loss_column,
    prediction_columns,
    truth_columns,
)

Arrays = Mapping[str, NDArray[Any]]

RESULT_BRANCHES = (*ID_BRANCHES, *TRUTH_BRANCHES, *RECO_BRANCHES)
"""Branches that are written beside the predictions, if the files have them."""


def write_regression_results(
    path: str | Path, tasks: Sequence[str], outputs: Arrays, events: Arrays
) -> list[Path]:
    """Write predictions beside the truth: one CSV file per task, and one ROOT file.

    Parameters
    ----------
    path
        The run directory.
    tasks
        The tasks.
    outputs
        Predictions by task, (n, n_outputs), ``<task>_sigma`` if there is an uncertainty, losses of events.
    events
        Branches of the same events by their names in the schema, and the sum of their readings.

    Returns
    -------
    list of Path
        The files: ``predictions_<task>_<run>.csv`` with run, event, pred_*, truth_*, and
        ``validation_results_<run>.root`` with run, event, pred_*, loss, loss_<task>, npho_sum and the
        branches themselves.
    """
    run = RunDirectory(path)
    n = len(outputs[tasks[0]])
    # Files without run and event numbers still get columns that tell their events apart.
    numbers = {"run": np.zeros(n, np.int64), "event": np.arange(n, dtype=np.int64)}
    identity = {name: events.get(name, numbers[name]) for name in ID_BRANCHES}
    predictions = {
        task: prediction_columns(task, outputs[task], outputs.get(task + SIGMA_SUFFIX)) for task in tasks
    }
    written = []
    for task, columns in predictions.items():
        table = {**identity, **columns, **truth_columns(task, TASKS[task].true_values(events))}
        with CsvWriter(run.predictions(task), list(table)) as csv:
            csv.extend(table)
        written.append(run.predictions(task))
    losses = {name: outputs[name] for name in map(loss_column, ("", *tasks)) if name in outputs}
    kept = [name for name in (NPHO_SUM, *RESULT_BRANCHES) if name in events and name not in identity]
    branches = {name: events[name] for name in kept}
    everything = {name: array for columns in predictions.values() for name, array in columns.items()}
    with TreeWriter(run.validation_results) as tree:
        tree.extend({**identity, **everything, **losses, **branches})
    return [*written, run.validation_results]
