"""Looking through many files: in several processes, as far as their start is worth it."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path
from typing import Any

from xec_data.checking.check import Progress, check_file
from xec_data.checking.report import FileReport
from xec_data.checking.statistics import ReadingStatistics
from xec_data.errors import DataError
from xec_geometry.support.parent import exit_with_parent
from xec_geometry.support.processors import available_cores
from xec_geometry.support.signals import undisturbed_start

FILES_PER_PROCESS = 30
"""A process has its packages after the time in which another one looks through so many small files."""

Checked = tuple[FileReport, ReadingStatistics]


def check_files(
    paths: Sequence[Path],
    *,
    processes: int | None = None,
    progress_of: Callable[[Path], Progress] | None = None,
    **options: Any,
) -> Iterator[Checked]:
    """Check files one after another, or in several processes.

    Parameters
    ----------
    paths
        The files.
    processes
        How many; by default one for each core, with at least `FILES_PER_PROCESS` files for each.
    progress_of
        Gives for a file what is called with its events done and their total; in this process, after every
        chunk, and in several after every file.
    options
        As for `check_file`.

    Yields
    ------
    FileReport, ReadingStatistics
        The report about each file, in their order, and what is seen of its photons.

    Raises
    ------
    DataError
        If one of the processes dies.
    """
    if processes is None:
        processes = min(available_cores(), len(paths) // FILES_PER_PROCESS)
    if processes < 2:
        for path in paths:
            yield _check(path, progress=progress_of(path) if progress_of else None, **options)
        return
    # Fresh processes: a fork would copy whatever threads and locks the caller has.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, exit_with_parent) as pool:
        try:
            with undisturbed_start():
                futures = [pool.submit(partial(_check, **options), path) for path in paths]
            for path, future in zip(paths, futures, strict=True):
                report, counts = future.result()
                if progress_of is not None:
                    progress_of(path)(report.n_entries, report.n_entries)
                yield report, counts
        except BrokenProcessPool as error:
            raise DataError(
                "a process that checks files died (out of memory?); expected them to end: check fewer at once"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _check(path: Path, **options: Any) -> Checked:
    counts = ReadingStatistics()
    return check_file(path, counts=counts, **options), counts
