"""Predictions for ROOT files of any size, beside the truth and reconstruction in the files."""

from __future__ import annotations

import time
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xec_data import EventReader, TreeWriter, find_files
from xec_data.reading.chunk import EventChunk
from xec_data.schema.branches import SCHEMA, is_invalid
from xec_data.tasks.table import TASKS
from xec_export.errors import ExportError
from xec_export.onnx.description import ModelDescription
from xec_export.output.input_check import InputCheck, named
from xec_export.output.origin import ORIGIN_KEY, origin_of
from xec_export.output.written_file import WrittenFile
from xec_export.prediction.input_dump import InputDump, open_input_dump
from xec_export.prediction.predictor import Predictor, files_of
from xec_export.prediction.prefetch import read_ahead
from xec_geometry import N_SENSORS
from xec_geometry.support.output import OutputError, check_writable, is_same_file
from xec_models.regressor.predictions import SIGMA_SUFFIX, most_probable, prediction_columns

Columns = dict[str, NDArray[Any]]

ENTRY_BRANCH = "entry"
VALID_BRANCH = "valid"
"""Whether an event has a valid photon count; without one there is no answer."""

ID_BRANCHES = ("run", "event")

# Branches of the schema that are not sensor readings.
ACCOMPANYING = tuple(name for name, branch in SCHEMA.items() if branch.shape != (N_SENSORS,))

DUMPED_EVENTS = 64
"""Events in a file for a comparison in C++, unless stated: 2.4 MB."""

# Events between two steps of the progress bar.
_STEP = 128


@dataclass(frozen=True)
class PredictionReport(WrittenFile):
    """Result of a prediction.

    Attributes
    ----------
    branches
        The branches of the file.
    dump
        The file of inputs and predictions for a comparison, if one was asked for.
    n_dumped
        Number of events in it.
    """

    branches: tuple[str, ...]
    dump: Path | None = None
    n_dumped: int = 0


def predict_files(
    predictor: Predictor,
    inputs: Sequence[str | Path],
    output: str | Path,
    *,
    tree_name: str = "tree",
    npho_branch: str | None = None,
    time_branch: str | None = None,
    angle_unit: str = "auto",
    progress: Callable[[int, int], None] | None = None,
    accept_range: bool = False,
    dump: str | Path | None = None,
    dump_events: int = DUMPED_EVENTS,
) -> PredictionReport:
    """Predict every event of some files and write one file with a tree ``tree``.

    Its branches are ``pred_<output>`` (and ``sigma_<output>`` if the network predicts uncertainties)
    beside run, event, truth and conventional reconstruction, as far as all inputs have them, under the
    names of the schema and in the units of xec (``emiAng`` in degrees). Inputs without run and event
    numbers give a branch ``entry``, which counts the events through all inputs.

    Parameters
    ----------
    predictor
        The network.
    inputs
        Files, folders or patterns; their events follow each other in this order.
    output
        The file to write.
    tree_name
        The tree in the inputs.
    npho_branch, time_branch
        Names of the readings in the inputs; by default those that the network was trained on.
    angle_unit
        Unit of ``emiAng`` in the inputs: ``auto``, ``deg`` or ``rad``.
    progress
        Called with the numbers of events done and of all events.
    accept_range
        Whether events are accepted that are unlike those of the training.
    dump
        A file for what enters the network and what it gives, see `InputDump`: ``xec-validate`` compares
        with it in C++.
    dump_events
        The number of events in that file, the first ones, as far as there are so many.

    Returns
    -------
    PredictionReport
        The file and its contents.

    Raises
    ------
    ExportError, DataError, OutputError
        If an input cannot be read, or holds no valid reading, or the output cannot be written.
    """
    start = time.monotonic()
    files = find_files(list(inputs))
    protected = [*files_of(predictor.path), *files]
    output = check_writable(output, inputs=protected)
    dump = None if dump is None else _check_dump(Path(dump), output, protected)
    reader = _open_reader(
        files,
        tree_name=tree_name,
        npho_branch=npho_branch or predictor.description.npho_branch,
        time_branch=time_branch or predictor.description.time_branch,
        angle_unit=angle_unit,
    )
    kept = tuple(name for name in reader.branches if name in ACCOMPANYING)
    n_events, n_unread, gaps = 0, 0, Counter[str]()
    branches: tuple[str, ...] = ()
    check = InputCheck(predictor.description.input_range, named(files), accept=accept_range)
    origin = prediction_origin(
        predictor,
        files,
        tree_name=tree_name,
        npho_branch=npho_branch,
        time_branch=time_branch,
        angle_unit=angle_unit,
    )
    metadata = {**predictor.description.to_dict(), ORIGIN_KEY: origin}
    title = f"predictions of {predictor.description.name}"
    n_dumped = min(dump_events, reader.n_events)
    with ExitStack() as files_to_write:
        dumped = None
        if dump is not None:
            dumped = files_to_write.enter_context(open_input_dump(dump, predictor.description, n_dumped))
        writer = files_to_write.enter_context(TreeWriter(output, title=title, metadata=metadata))
        for chunk in read_ahead(reader):
            check.add(chunk["npho"], chunk["time"])
            columns = _identify(chunk, kept, n_events)
            columns[VALID_BRANCH] = np.asarray(~is_invalid(chunk["npho"]).all(axis=1))
            columns |= _predict_chunk(predictor, chunk, n_events, reader.n_events, progress, dumped)
            gaps.update(_gaps(columns))
            writer.extend(columns)
            n_events += len(chunk)
            n_unread += int((~columns[VALID_BRANCH]).sum())
            branches = tuple(columns)
        if n_unread == n_events:
            raise ExportError(
                f"{named(files)}: all readings of "
                f"'{reader.trees[0].stored['npho']}' in all {n_events} events are invalid; expected photons"
            )
        range_notes = check.finish()
    notes = (
        *range_notes,
        *reader.notes,
        *_left_out(reader),
        *_unread(n_unread, n_events),
        *_missing(gaps, n_events),
    )
    return PredictionReport(
        output=output,
        n_events=n_events,
        n_unread=n_unread,
        seconds=time.monotonic() - start,
        notes=notes,
        branches=branches,
        dump=dump,
        n_dumped=n_dumped if dump else 0,
    )


def prediction_origin(
    predictor: Predictor,
    files: Sequence[Path],
    *,
    tree_name: str,
    npho_branch: str | None,
    time_branch: str | None,
    angle_unit: str,
) -> dict[str, Any]:
    """Return what `predict_files` notes about the making of its file; see there, and `origin_of`."""
    return origin_of(
        files_of(predictor.path),
        files,
        mirror_average=predictor.description.mirror_average,
        tree_name=tree_name,
        npho_branch=npho_branch,
        time_branch=time_branch,
        angle_unit=angle_unit,
    )


def output_columns(description: ModelDescription, outputs: Mapping[str, NDArray[Any]]) -> Columns:
    """Name the columns of a network's outputs as the files do.

    Parameters
    ----------
    description
        The network.
    outputs
        What `Predictor.predict` returned.

    Returns
    -------
    dict
        ``pred_<output>`` and ``sigma_<output>``, (n,) each.
    """
    columns: Columns = {}
    for task in description.tasks:
        if task in TASKS:
            columns |= prediction_columns(task, outputs[task], outputs.get(task + SIGMA_SUFFIX))
            continue
        # The package that brought the task need not be installed: the file says what its outputs are.
        for output in description.outputs:
            if output.task == task and output.class_name:
                columns[f"pred_{output.class_name}"] = most_probable(outputs[output.name])
            elif output.task == task:
                prefix = "" if output.name == task + SIGMA_SUFFIX else "pred_"
                columns |= {
                    f"{prefix}{name}": outputs[output.name][:, i] for i, name in enumerate(output.columns)
                }
    return columns


def _check_dump(dump: Path, output: Path, inputs: Sequence[Path]) -> Path:
    if is_same_file(dump, output):
        raise OutputError(f"cannot write {dump}: it is the file of the predictions; expected another name")
    return check_writable(dump, inputs=inputs)


def _open_reader(files: list[Path], **options: Any) -> EventReader:
    optional = [*ACCOMPANYING]
    with warnings.catch_warnings():
        # Said again, in one line, by the reader's notes.
        warnings.simplefilter("ignore", FutureWarning)
        return EventReader(files, ["npho", "time"], optional=optional, **options)


def _identify(chunk: EventChunk, kept: tuple[str, ...], first: int) -> Columns:
    columns = {name: chunk[name] for name in kept}
    if not set(ID_BRANCHES) <= columns.keys():
        columns = {ENTRY_BRANCH: np.arange(first, first + len(chunk), dtype=np.int64), **columns}
    return columns


def _predict_chunk(
    predictor: Predictor,
    chunk: EventChunk,
    done: int,
    total: int,
    progress: Callable[[int, int], None] | None,
    dump: InputDump | None,
) -> Columns:
    step = max(_STEP, predictor.batch_size)
    parts = []
    for begin in range(0, len(chunk), step):
        part = slice(begin, begin + step)
        outputs = predictor.predict(chunk["npho"][part], chunk["time"][part])
        if dump is not None:
            dump.add(chunk["npho"][part], chunk["time"][part], outputs)
        parts.append(output_columns(predictor.description, outputs))
        if progress is not None:
            progress(done + min(begin + step, len(chunk)), total)
    return {name: np.concatenate([columns[name] for columns in parts]) for name in parts[0]}


def _left_out(reader: EventReader) -> list[str]:
    somewhere = {name for tree in reader.trees for name in tree.stored}
    notes = []
    for name in sorted(somewhere - set(reader.branches)):
        lacking = [tree.path for tree in reader.trees if name not in tree.stored]
        if lacking:
            notes.append(f"the branch '{name}' is left out: {lacking[0]} has none")
    return notes


def _gaps(columns: Columns) -> dict[str, int]:
    """Count the events that have readings and no answer, by output: too little light for an anchor."""
    valid = columns[VALID_BRANCH]
    predictions = {name: values[valid] for name, values in columns.items() if name.startswith("pred_")}
    return {name: int(np.isnan(values).sum()) for name, values in predictions.items()}


def _missing(gaps: Counter[str], n_events: int) -> list[str]:
    by_count: dict[int, list[str]] = {}
    for name, count in gaps.items():
        by_count.setdefault(count, []).append(name.removeprefix("pred_"))
    by_count.pop(0, None)
    return [
        f"{count} of {n_events} events have too little light or no time for {', '.join(names)}: NaN"
        for count, names in sorted(by_count.items())
    ]


def _unread(n_unread: int, n_events: int) -> list[str]:
    if not n_unread:
        return []
    return [f"{n_unread} of {n_events} events have no valid photon count: NaN, and {VALID_BRANCH} is false"]
