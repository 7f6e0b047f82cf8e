"""Predictions for many files, one output each: what is finished is not made again."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from xec_data import find_files
from xec_export.errors import ExportError
from xec_export.output.origin import Origin, described, differences
from xec_export.prediction.files import PredictionReport, predict_files
from xec_export.prediction.options import PredictionOptions
from xec_export.prediction.predictor import Predictor
from xec_geometry.errors import XecError
from xec_geometry.support.output import check_output, make_folder

_SUFFIX = ".root"


def is_folder(output: str | Path) -> bool:
    """Tell whether the name of an output stands for a folder, one that exists or one to be made.

    Parameters
    ----------
    output
        As the user wrote it: one with a separator at its end, or without a suffix, is that of a folder unless
        there is a file of this name.
    """
    path = Path(output)
    if os.path.lexists(path):
        return path.is_dir()
    return str(output).endswith(("/", os.sep)) or not path.suffix


@dataclass(frozen=True)
class FolderProgress:
    """How far many files are.

    Attributes
    ----------
    file
        The file that is being predicted, or was last.
    number, n_files
        Which one of those to be made, from 1, and how many these are.
    done
        Events done in all files so far.
    total
        Events of all files: an estimate by the sizes of those that were not opened yet.
    seconds_left
        Estimate; None before the first events.
    """

    file: Path
    number: int
    n_files: int
    done: int
    total: int
    seconds_left: float | None


@dataclass
class FolderReport:
    """Result of predictions for many files.

    Attributes
    ----------
    folder
        The folder of the outputs.
    made
        A report of each file that was made.
    finished
        Outputs that were there already, made from the same model and input.
    failed
        Input → why it could not be predicted, one line.
    """

    folder: Path
    made: list[PredictionReport] = field(default_factory=list)
    finished: list[Path] = field(default_factory=list)
    failed: dict[Path, str] = field(default_factory=dict)


def predict_folder(
    predictor: Predictor,
    inputs: Sequence[str | Path],
    folder: str | Path,
    *,
    options: PredictionOptions | None = None,
    force: bool = False,
    keep_going: bool = False,
    progress: Callable[[FolderProgress], None] | None = None,
    finished: Callable[[PredictionReport, FolderProgress], None] | None = None,
) -> FolderReport:
    """Predict the events of many files, and write a file for each of them into a folder.

    An output that is there, and whose record names the same network, input and options, is left as it is. One
    appears under its name when it is complete, so that a run that was interrupted is gone on with by the same
    call.

    Parameters
    ----------
    predictor
        The network.
    inputs
        Files, folders or patterns.
    folder
        For the outputs; it is created if there is none. They have the names of their inputs, see
        `output_names`.
    options
        See `PredictionOptions`.
    force
        Whether other files under these names may be replaced, and finished ones made again.
    keep_going
        Whether the other files are predicted if one fails.
    progress
        Called after every few events.
    finished
        Called after every file.

    Returns
    -------
    FolderReport
        What was made, was there, and failed.

    Raises
    ------
    ExportError, DataError, OutputError
        Without `keep_going`, of the first file that fails; nothing is made if an output may not be replaced.
    """
    options = options or PredictionOptions()
    files = find_files(list(inputs))
    report = FolderReport(make_folder(folder))
    outputs = {path: report.folder / name for path, name in output_names(files).items()}
    protected = [*options.files(predictor), *files]
    to_make: list[Path] = []
    for path, output in outputs.items():
        try:
            different = None if force else differences(output, _origin(options, predictor, path))
            if different == []:
                report.finished.append(output)
                continue
            # What does not exist is no input: thousands of files need not be compared with each other.
            rivals = protected if os.path.lexists(output) else ()
            check_output(output, inputs=rivals, force=force, standing=described(different))
        except XecError as error:
            if not keep_going:
                raise
            report.failed[path] = str(error)
        else:
            to_make.append(path)
    state = _State(to_make)
    for path in to_make:
        state.begin(path)

        def told(done: int, total: int) -> None:
            state.set(done, total)
            if progress is not None:
                progress(state.progress())

        try:
            made = predict_files(predictor, [path], outputs[path], options=options, progress=told)
        except XecError as error:
            if not keep_going:
                raise
            report.failed[path] = str(error)
            state.end(0)
            continue
        report.made.append(made)
        state.end(made.n_events)
        if finished is not None:
            finished(made, state.progress())
    return report


def output_names(files: Sequence[Path]) -> dict[Path, str]:
    """Name an output for each of some files: as the file, with its folders before where names are equal.

    Parameters
    ----------
    files
        Different files.

    Returns
    -------
    dict of Path to str
        File → name: ``run1.root``, or ``2024_run1.root`` and ``2025_run1.root`` of two folders.

    Raises
    ------
    ExportError
        If two files would still have the same.
    """
    parts = {path: path.absolute().with_suffix(_SUFFIX).parts[1:] for path in files}
    depth = dict.fromkeys(files, 1)
    for _ in range(max(map(len, parts.values()), default=0)):
        names = {path: "_".join(parts[path][-depth[path] :]) for path in files}
        equal = _equal(names)
        for path in equal:
            depth[path] += 1
        if not equal:
            return names
    first, second = equal[:2]
    raise ExportError(
        f"{first} and {second} would both become {names[first]}; expected different names, or a run for each"
    )


def _equal(names: dict[Path, str]) -> list[Path]:
    by_name: dict[str, list[Path]] = {}
    for path, name in names.items():
        # Some file systems know no difference between small and capital letters.
        by_name.setdefault(name.casefold(), []).append(path)
    return [path for paths in by_name.values() if len(paths) > 1 for path in paths]


def _origin(options: PredictionOptions, predictor: Predictor, path: Path) -> Origin | None:
    try:
        return options.origin(predictor, [path])
    except OSError:
        # Whoever reads the events says why it cannot be read.
        return None


class _State:
    """Events, bytes and seconds so far."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = list(files)
        self._bytes = {path: path.stat().st_size for path in files}
        self._start = time.monotonic()
        self._done, self._bytes_done, self._number = 0, 0.0, 0
        self._now: tuple[int, int] = (0, 1)
        self._path = Path()

    def begin(self, path: Path) -> None:
        self._path, self._now = path, (0, 1)
        self._number += 1

    def set(self, done: int, total: int) -> None:
        self._now = (done, max(total, 1))

    def end(self, n_events: int) -> None:
        self._done += n_events
        self._bytes_done += self._bytes[self._path]
        self._now = (0, 1)

    def progress(self) -> FolderProgress:
        now, of = self._now
        part = self._bytes_done + self._bytes[self._path] * now / of
        fraction = part / max(1, sum(self._bytes.values()))
        done = self._done + now
        left = (time.monotonic() - self._start) * (1 / fraction - 1) if fraction else None
        total = round(done / fraction) if fraction else of
        return FolderProgress(self._path, self._number, len(self._files), done, max(done, total), left)
