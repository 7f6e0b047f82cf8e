"""Event files for the bench, made once a run and removed at its end."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from xec_data import SimulationConfig, TreeWriter, simulate_events
from xec_data.simulation.generator import Events

BRANCHES = ("npho", "time", "emiAng", "energyTruth", "timeTruth", "uvwTruth")
"""What a training of the usual tasks reads."""

STORED = ("npho", "relative_time", *BRANCHES[2:])
"""The same under the names in the files."""

EVENTS_PER_FILE = 1756
"""Four clusters."""

N_FILES = 3
COMPRESSIONS = ("lz4", "zstd")

_SIMULATED = 878
_SMALL = 32


@cache
def folder() -> Path:
    """A folder that lives as long as this process."""
    path = Path(tempfile.mkdtemp(prefix="xec-bench-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


@cache
def simulated() -> Events:
    """Events that all files are filled with: their content does not matter, only how it compresses."""
    return next(iter(simulate_events(SimulationConfig(seed=1), _SIMULATED)))


@cache
def event_files(
    compression: str, n_files: int = N_FILES, n_events: int = EVENTS_PER_FILE
) -> tuple[Path, ...]:
    """Files of so many events each, as `TreeWriter` writes them."""
    paths = tuple(folder() / f"{compression}_{n_events}_{i}.root" for i in range(n_files))
    for i, path in enumerate(paths):
        if path.exists():
            continue
        events = simulated()
        with TreeWriter(path, compression=compression) as writer:
            # Another beginning for every file: no two have the same bytes at the same place.
            rows = (np.arange(n_events) + 37 * i) % _SIMULATED
            writer.extend({name: array[rows] for name, array in events.items()})
    return paths


def many_small_files() -> tuple[Path, ...]:
    """A hundred files, to be opened."""
    return event_files("lz4", 100, _SMALL)
