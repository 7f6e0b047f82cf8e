"""Simulated events in a ROOT file, made by several processes."""

from __future__ import annotations

import multiprocessing
import shutil
import time
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path

from xec_data.simulation.configuration import SimulationConfig, SimulationError
from xec_data.simulation.generator import EventGenerator, Events, check_counts, n_blocks, regroup
from xec_data.writing.tree_writer import TreeWriter
from xec_geometry import geometry_hash
from xec_geometry.support.output import check_writable
from xec_geometry.support.parent import exit_with_parent
from xec_geometry.support.processors import available_cores
from xec_geometry.support.signals import undisturbed_start

# Blocks that are being made or wait for the writer, for each process: enough that none is ever idle.
_BLOCKS_AHEAD = 3

# Bytes, compressed; one of a shower has 23 000.
_SMALLEST_EVENT = 5000

# Files are a tenth larger than with zstd, written in a third of the time and no slower to read.
_COMPRESSION = "lz4"


@dataclass(frozen=True)
class SimulationSummary:
    """Summary of a simulation.

    Attributes
    ----------
    path
        The file.
    n_events
        Events in it.
    seconds
        Time it took, the start of the processes included.
    n_bytes
        Size of the file.
    """

    path: Path
    n_events: int
    seconds: float
    n_bytes: int

    def line(self) -> str:
        """Return the summary in one line."""
        return (
            f"{self.path}: {self.n_events} events, {self.n_events / self.seconds:.0f} events/s, "
            f"{self.n_bytes / 1e6:.1f} MB"
        )


def simulate_file(
    path: str | Path,
    config: SimulationConfig,
    n_events: int,
    *,
    processes: int = 1,
    chunk_size: int = 1000,
    progress: Callable[[int], None] | None = None,
) -> SimulationSummary:
    """Simulate events into a ROOT file.

    Parameters
    ----------
    path
        The file; it appears when it is complete.
    config
        Settings and seed.
    n_events
        How many. A file of fewer events of the same settings is the beginning of one of more.
    processes
        Processes that simulate, besides this one that writes; 1: none, all is done here; 0: one for
        every core. Scripts that ask for more need the usual ``if __name__ == "__main__":``.
    chunk_size
        Events handed to the writer at once.
    progress
        Called with the number of events written so far.

    Returns
    -------
    SimulationSummary
        File, number of events, time and size.

    Raises
    ------
    SimulationError
        If a number is out of range, or a process died.
    OutputError
        If the file could not be written; found out before any work.

    Notes
    -----
    Neither the number of processes nor the chunk size changes an event.
    """
    check_counts(n_events, chunk_size)
    if processes < 0:
        raise SimulationError(
            f"the number of processes is {processes}; expected at least 1, or 0 for all cores"
        )
    path = check_writable(path)
    _check_size(path, n_events)
    start = time.perf_counter()
    title = "Simulated photons in the liquid-xenon detector"
    if not config.geometry.is_nominal:
        title += f" as built, geometry {geometry_hash('physical', config.geometry)}"
    with (
        TreeWriter(path, title=title, compression=_COMPRESSION) as writer,
        closing(_blocks(config, n_blocks(n_events), processes)) as blocks,
    ):
        for events in regroup(blocks, n_events, chunk_size):
            writer.extend(events)
            if progress is not None:
                progress(writer.n_entries)
    return SimulationSummary(path, n_events, time.perf_counter() - start, path.stat().st_size)


def _check_size(path: Path, n_events: int) -> None:
    """Refuse more events than the whole disk could hold."""
    disk = shutil.disk_usage(path.parent).total
    if n_events * _SMALLEST_EVENT > disk > 0:
        raise SimulationError(
            f"no space for {n_events} events: {path} would be larger than its disk, which holds "
            f"{disk / 1e9:.4g} GB; expected at most {disk // _SMALLEST_EVENT}"
        )


def _blocks(config: SimulationConfig, n: int, processes: int) -> Generator[Events, None, None]:
    processes = min(processes or available_cores(), n)
    if processes == 1:
        return _blocks_of_this_process(config, n)
    return _blocks_of_processes(config, n, processes)


def _blocks_of_this_process(config: SimulationConfig, n: int) -> Generator[Events, None, None]:
    yield from map(EventGenerator(config).block, range(n))


def _blocks_of_processes(config: SimulationConfig, n: int, processes: int) -> Generator[Events, None, None]:
    # Fresh processes: a fork would copy whatever threads and locks the caller has.
    context = multiprocessing.get_context("spawn")
    waiting: deque[Future[Events]] = deque()
    with undisturbed_start():
        pool = ProcessPoolExecutor(processes, context, _start_worker, (config,))
    with pool:
        try:
            for number in range(n):
                # The pool starts its processes with its first tasks.
                with undisturbed_start() if number < processes else nullcontext():
                    waiting.append(pool.submit(_make_block, number))
                if len(waiting) > _BLOCKS_AHEAD * processes:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise SimulationError(
                "a process of the simulation died (out of memory, or a script that calls simulate_file "
                'with processes outside of `if __name__ == "__main__":`); try processes=1'
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


_worker: EventGenerator


def _start_worker(config: SimulationConfig) -> None:
    global _worker
    exit_with_parent()
    _worker = EventGenerator(config)


def _make_block(number: int) -> Events:
    return _worker.block(number)
