"""Results read from a run directory, a ROOT file of `xec predict`, or a CSV file."""

from __future__ import annotations

import csv
import io
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xec_analysis.errors import AnalysisError
from xec_analysis.resolution.collecting import collect_results
from xec_analysis.resolution.results import Floats, Results
from xec_analysis.runs.text_files import read_text
from xec_data.reading.columns import read_columns
from xec_data.schema.branches import TREE_NAME
from xec_data.tasks.table import TASKS
from xec_geometry.errors import did_you_mean
from xec_geometry.support.text import first_line
from xec_models.checkpoint.run_directory import RunDirectory

ARTIFACTS = Path("artifacts")


def load_results(
    run_or_file: str | Path, tasks: Sequence[str] | None = None, *, tree_name: str = TREE_NAME
) -> Results:
    """Read predictions and truth.

    Parameters
    ----------
    run_or_file
        A run directory, the name of a run in `artifacts/`, a ROOT file with `pred_*` branches and truth
        under the names of the schema, or a CSV file of predictions as a run directory holds them.
    tasks
        Names of tasks; by default all with predictions and truth.
    tree_name
        Name of the tree in a ROOT file.

    Raises
    ------
    AnalysisError
        If there is no such run or file, it has no predictions, or no truth to compare them with.
    """
    require_tasks(tasks or ())
    loaded = load_columns(run_or_file, tree_name)
    return collect_results(loaded.columns, loaded.name, loaded.source, tasks)


def require_tasks(tasks: Sequence[str]) -> None:
    """Raise an `AnalysisError` at a name that no task has."""
    for task in tasks:
        if task not in TASKS:
            raise AnalysisError(
                f"unknown task {task!r}{did_you_mean(task, TASKS)}; expected one of {', '.join(TASKS)}"
            )


@dataclass(frozen=True)
class LoadedColumns:
    """The columns of a run's validation, or of a file.

    Attributes
    ----------
    name
        Name of the run, or of the file without its suffix.
    source
        The file, or the run directory if it has several.
    columns
        Name → (n, …).
    notes
        One line each about columns that were left out.
    """

    name: str
    source: Path
    columns: dict[str, NDArray[Any]]
    notes: tuple[str, ...] = ()


def load_joined(files: Sequence[str | Path], tree_name: str = TREE_NAME) -> LoadedColumns:
    """Read files one after the other into one table of the columns that all have; see `load_columns`.

    Raises
    ------
    AnalysisError
        As `load_columns`, or if a column has another shape in another file.
    """
    loaded = [load_columns(path, tree_name) for path in files]
    first = loaded[0]
    if len(loaded) == 1:
        return first
    common = [name for name in first.columns if all(name in other.columns for other in loaded)]
    lacking = sorted({name for part in loaded for name in part.columns} - set(common))
    for part in loaded:
        for name in common:
            if part.columns[name].shape[1:] != first.columns[name].shape[1:]:
                raise AnalysisError(
                    f"{part.source}: column {name!r} has entries of shape {part.columns[name].shape[1:]}, "
                    f"in {first.source} of {first.columns[name].shape[1:]}"
                )
    columns = {name: np.concatenate([part.columns[name] for part in loaded]) for name in common}
    notes = (f"not in all files, left out: {', '.join(lacking)}",) if lacking else ()
    return LoadedColumns(first.name, first.source, columns, notes)


def load_columns(run_or_file: str | Path, tree_name: str = TREE_NAME) -> LoadedColumns:
    """Read all columns of a run's validation or of a file; see `load_results` for what it may be.

    Raises
    ------
    AnalysisError
        If there is no such run or file, the run has no predictions, or the file no events.
    """
    path = locate_results(run_or_file)
    if path.is_dir():
        return _load_run(path)
    columns = read_csv(path) if path.suffix.lower() == ".csv" else read_columns(path, tree_name=tree_name)
    if any(len(values) == 0 for values in columns.values()):
        raise AnalysisError(f"{path}: no events in it")
    return LoadedColumns(path.stem, path, dict(columns))


def read_csv(path: Path) -> dict[str, Floats]:
    """Read a CSV file with one line of names and numbers below.

    Raises
    ------
    AnalysisError
        If it has no lines, or something that is not a number.
    """
    file = io.StringIO(read_text(path), newline="")
    try:
        names = [name.strip() for name in next(csv.reader(file), [])]
        with warnings.catch_warnings():
            # A table without lines is an error of ours.
            warnings.simplefilter("ignore", UserWarning)
            table = np.loadtxt(file, delimiter=",", ndmin=2, dtype=np.float64)
    except (ValueError, csv.Error) as error:
        raise AnalysisError(f"{path}: not a table of numbers: {first_line(error)}") from error
    if not names or table.size == 0:
        raise AnalysisError(f"{path}: no events in it")
    if table.shape[1] != len(names):
        raise AnalysisError(f"{path}: {len(names)} names in the first line, {table.shape[1]} columns below")
    twice = [name for name, number in Counter(names).items() if number > 1]
    if twice:
        raise AnalysisError(f"{path}: the column {twice[0]!r} is there twice")
    return {name: table[:, column].copy() for column, name in enumerate(names)}


def locate_results(run_or_file: str | Path) -> Path:
    """Find a run directory, a run by its name in `artifacts/`, or a file.

    Raises
    ------
    AnalysisError
        If there is none.
    """
    path = Path(run_or_file)
    if path.exists():
        return path
    by_name = ARTIFACTS / path
    if by_name.is_dir():
        return by_name
    runs = [run.name for run in ARTIFACTS.iterdir() if run.is_dir()] if ARTIFACTS.is_dir() else []
    known = f"; runs in {ARTIFACTS}/: {', '.join(sorted(runs)[:6])}" if runs else ""
    raise AnalysisError(f"no such run or file: {run_or_file}{did_you_mean(str(run_or_file), runs)}{known}")


def _load_run(path: Path) -> LoadedColumns:
    run = RunDirectory.open(path)
    if run.validation_results.exists():
        return LoadedColumns(run.name, run.validation_results, read_columns(run.validation_results))
    tables = {task: run.predictions(task) for task in TASKS if run.predictions(task).exists()}
    if not tables:
        raise AnalysisError(
            f"{path}: no predictions in this run (expected {run.validation_results.name} or "
            f"{run.predictions(next(iter(TASKS))).name}); they are written when a training ends"
        )
    merged: dict[str, NDArray[Any]] = {}
    for table in map(read_csv, tables.values()):
        same_events = all(
            np.array_equal(table[key], merged[key])
            for key in ("run", "event")
            if key in merged and key in table
        )
        if same_events:
            merged |= table
    return LoadedColumns(run.name, path, merged)
