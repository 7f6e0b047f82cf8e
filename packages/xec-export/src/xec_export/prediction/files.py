"""Predictions for ROOT files of any size, beside the truth and reconstruction in the files."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from xec_data import TreeWriter, find_files
from xec_data.schema.branches import is_invalid, sum_of_valid
from xec_export.errors import ExportError
from xec_export.output.input_check import InputCheck, named
from xec_export.output.origin import ORIGIN_KEY
from xec_export.output.written_file import WrittenFile
from xec_export.prediction.clock import absolute_columns
from xec_export.prediction.columns import (
    N_DEAD,
    VALID_BRANCH,
    Columns,
    describe_gaps,
    describe_unread,
    distances,
    gaps,
    output_columns,
    truth_beside,
)
from xec_export.prediction.input_dump import DUMPED_EVENTS, InputDump, check_dump, open_input_dump
from xec_export.prediction.inputs import InputEvents, PredictionInputs, without_collisions
from xec_export.prediction.options import PredictionOptions
from xec_export.prediction.predictor import Predictor
from xec_export.recovery.treatment import DeadChannelTreatment, Variant
from xec_geometry.support.output import check_writable
from xec_models.regressor.predictions import NPHO_SUM, TIME_OFFSET, variant_column

# Events between two steps of the progress bar.
_STEP = 128


@dataclass(frozen=True)
class PredictionReport(WrittenFile):
    """Result of a prediction.

    Attributes
    ----------
    branches
        The branches of the file.
    """

    branches: tuple[str, ...]


def predict_files(
    predictor: Predictor,
    inputs: Sequence[str | Path],
    output: str | Path,
    *,
    options: PredictionOptions | None = None,
    progress: Callable[[int, int], None] | None = None,
    dump: str | Path | None = None,
    dump_events: int = DUMPED_EVENTS,
) -> PredictionReport:
    """Predict every event of some files and write one file with a tree ``tree``.

    Its branches are ``pred_<output>`` (and ``sigma_<output>`` if the network predicts uncertainties)
    beside run, event, truth and conventional reconstruction, as far as all inputs have them, under the
    names of the schema and in the units of xec (``emiAng`` in degrees). Where the truth is known, it stands
    beside them as ``true_<output>``, and how far they are from it as ``opening_angle`` and ``uvw_distance``.
    Where a file has the absolute times of the sensors (``time``), too, ``time_offset`` is the absolute time
    at which the clock of the predictions is zero, ``pred_timing_absolute`` the time on the absolute one.
    ``npho_sum`` is the sum of an event's valid readings, in photons, without those of dead channels.
    Where dead channels are treated, ``n_dead`` counts those of an event; with several recoveries each has
    columns of its own, ``pred_energy_raw``, ``pred_energy_average``, …; those without an ending are of the
    first.
    Inputs without run and event numbers give a branch ``entry``, which counts the events through all inputs.

    Parameters
    ----------
    predictor
        The network.
    inputs
        Files, folders or patterns; their events follow each other in this order.
    output
        The file to write.
    options
        See `PredictionOptions`.
    progress
        Called with the numbers of events done and of all events.
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
    options = options or PredictionOptions()
    files = find_files(list(inputs))
    protected = [*options.files(predictor), *files]
    output = check_writable(output, inputs=protected)
    dump = None if dump is None else check_dump(Path(dump), output, protected)
    if dump is not None and options.dead_channels is not None and len(options.dead_channels.names) > 1:
        raise ExportError(
            f"cannot write {dump}: several recoveries of dead channels give several inputs; expected one"
        )
    origin = options.origin(predictor, files)
    events = PredictionInputs(files, predictor.description, options)
    n_events, n_unread, without_answer = 0, 0, Counter[str]()
    branches: tuple[str, ...] = ()
    check = InputCheck(predictor.description.input_range, named(files), accept=options.accept_range)
    check.require_branch(events.trees, options.readings(predictor.description)[0])
    metadata = {**predictor.description.to_dict(), ORIGIN_KEY: origin.model_dump(mode="json")}
    title = f"predictions of {predictor.description.name}"
    n_dumped = min(dump_events, events.n_events)
    with ExitStack() as files_to_write:
        dumped = None
        if dump is not None:
            dumped = files_to_write.enter_context(open_input_dump(dump, predictor.description, n_dumped))
        writer = files_to_write.enter_context(TreeWriter(output, title=title, metadata=metadata))
        for chunk in events:
            check.add(chunk.npho, chunk.time)
            valid = np.asarray(~is_invalid(chunk.npho).all(axis=1))
            predicted = {VALID_BRANCH: valid, NPHO_SUM: sum_of_valid(chunk.npho).astype(np.float32)}
            told = partial(_tell, progress, n_events, events.n_events)
            predicted |= _predict(predictor, options.dead_channels, chunk, told, dumped)
            columns = without_collisions(predicted, chunk.columns)
            without_answer.update(gaps(predicted))
            writer.extend({**chunk.columns, **predicted})
            n_events += len(chunk)
            n_unread += int((~valid).sum())
            branches = tuple(columns)
        if n_unread == n_events:
            raise ExportError(
                f"{named(files)}: all readings of "
                f"'{events.npho_branch}' in all {n_events} events are invalid; expected photons"
            )
        range_notes = check.finish()
    notes = (
        *range_notes,
        *events.notes(),
        *describe_unread(n_unread, n_events),
        *describe_gaps(without_answer, n_events),
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


def _tell(progress: Callable[[int, int], None] | None, before: int, total: int, done: int) -> None:
    if progress is not None:
        progress(before + done, total)


def _predict(
    predictor: Predictor,
    treatment: DeadChannelTreatment | None,
    events: InputEvents,
    told: Callable[[int], None],
    dump: InputDump | None,
) -> Columns:
    description = predictor.description
    threshold = float(description.normalization.get("npho_threshold", 0.0))
    step = max(_STEP, predictor.batch_size)
    parts: list[Columns] = []
    for begin in range(0, len(events), step):
        part = events[begin : begin + step]
        columns = truth_beside(description, part.columns)
        for variant in _variants(treatment, part, threshold):
            outputs = predictor.predict(variant.npho, variant.time)
            if dump is not None:
                dump.add((variant.npho, variant.time), outputs)
            found = output_columns(description, outputs) | distances(description, outputs, part.columns)
            if part.time_offset is not None:
                found |= absolute_columns(found, part.time_offset)
            for name in variant.names:
                columns |= {variant_column(column, name): values for column, values in found.items()}
        if part.time_offset is not None:
            columns[TIME_OFFSET] = part.time_offset
        if part.dead is not None:
            columns[N_DEAD] = part.dead.sum(axis=1).astype(np.int32)
        parts.append(columns)
        told(min(begin + step, len(events)))
    return {name: np.concatenate([columns[name] for columns in parts]) for name in parts[0]}


def _variants(
    treatment: DeadChannelTreatment | None, events: InputEvents, threshold: float
) -> Iterable[Variant]:
    if treatment is None or events.dead is None:
        return [Variant(("",), events.npho, events.time)]
    return treatment.variants(events.npho, events.time, events.dead, threshold)
