"""Size of a chunk of events, bounded by the available memory."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from xec_data.reading.container_memory import container_memory
from xec_data.schema.branches import SCHEMA

DEFAULT_CHUNK_BYTES = 32 * 1024**2
"""Default size of a chunk: large enough for full speed, small enough for any machine."""

MEMORY_SHARE = 1 / 8
"""Fraction of the available memory that one chunk may take: a loop holds two, a shuffle buffer more."""

_MEMINFO = Path("/proc/meminfo")


def available_memory() -> int:
    """Return the memory in bytes that this process can still allocate, in its container if there is one."""
    machine, container = _machine_memory(), container_memory()
    return machine if container is None else min(machine, container)


def default_chunk_size(branches: Iterable[str]) -> int:
    """Return the number of events in a chunk of the default size."""
    return max(1, DEFAULT_CHUNK_BYTES // _bytes_per_event(branches))


def bounded_chunk_size(
    requested: int, branches: Iterable[str], *, processes: int = 1, available: int | None = None
) -> tuple[int, str | None]:
    """Reduce a chunk size to what memory allows.

    Parameters
    ----------
    requested
        Events per chunk.
    branches
        Names of the schema that are read.
    processes
        How many processes read at the same time on this machine.
    available
        Bytes of memory, by default what is available now.

    Returns
    -------
    int, str or None
        The chunk size, and a note for the user if it is less than requested.
    """
    available = available_memory() if available is None else available
    per_event = _bytes_per_event(branches)
    allowed = max(1, int(available * MEMORY_SHARE / max(1, processes)) // per_event)
    if requested <= allowed:
        return max(1, requested), None
    note = (
        f"chunk size reduced from {requested} to {allowed} events: {available / 1024**3:.1f} GB of memory "
        f"are available for {processes} {'process' if processes == 1 else 'processes'}, "
        f"and {requested} events take {requested * per_event / 1024**3:.1f} GB"
    )
    return allowed, note


def _bytes_per_event(branches: Iterable[str]) -> int:
    return max(1, sum(SCHEMA[name].bytes_per_event for name in branches))


def _machine_memory() -> int:
    if _MEMINFO.exists():
        for line in _MEMINFO.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
