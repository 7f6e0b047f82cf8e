"""`EventReader` against uproot that only decompresses and interprets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import uproot
from tools.bench.case import Result, case, compared
from tools.bench.events import BRANCHES, STORED, event_files
from tools.bench.measure import Memory, Rates, alternate, watch_memory

from xec_data import EventReader
from xec_data.reading.entry_ranges import group_clusters

THREADS = (1, 2, 4)
ROUNDS = 5
LIMIT = "uproot alone"


def bare_uproot(paths: Sequence[Path], threads: int, clusters: int) -> int:
    """Decompress and interpret the branches with uproot, some clusters at a time, and forget them."""
    done = 0
    with ThreadPoolExecutor(threads) as pool:
        executors = {} if threads == 1 else {"decompression_executor": pool, "interpretation_executor": pool}
        for path in paths:
            with uproot.open(path, array_cache=None, object_cache=None) as file:
                tree = file["tree"]
                starts = tree["npho"].entry_offsets
                at_most = clusters * (starts[1] - starts[0])
                for start, stop in group_clusters(0, tree.num_entries, np.asarray(starts), at_most):
                    tree.arrays(STORED, entry_start=start, entry_stop=stop, library="np", **executors)
                    done += stop - start
    return done


def limits(paths: Sequence[Path]) -> dict[str, Callable[[], int]]:
    """Uproot with several numbers of threads, a cluster at a time."""
    return {f"{LIMIT}, {threads} threads": partial(bare_uproot, paths, threads, 1) for threads in THREADS}


def against_best(case: str, rates: Rates, name: str, memory: Memory, target: float) -> Result:
    """The result against the fastest limit."""
    best = rates.best([other for other in rates.of if other.startswith(LIMIT)])
    return compared(case, rates, name, best, peak_memory_mb=memory.peak_mb, target=target)


def _read(reader: EventReader) -> int:
    # What making a reader costs is part of the case of the first batch.
    return sum(map(len, reader))


def _reading(compression: str) -> Result:
    paths = event_files(compression)
    with watch_memory() as memory:
        rates = alternate(
            {**limits(paths), "reader": partial(_read, EventReader(list(paths), BRANCHES))}, ROUNDS
        )
    return against_best(f"EventReader, {compression}", rates, "reader", memory, 0.95)


@case("data")
def reading_lz4() -> Result:
    """Files as ``xec data rewrite`` and ``xec data simulate`` write them."""
    return _reading("lz4")


@case("data")
def reading_zstd() -> Result:
    """Files as `TreeWriter` writes them."""
    return _reading("zstd")
