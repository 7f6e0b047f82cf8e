"""The processor cores that a process may use."""

from __future__ import annotations

import os


def allowed_cores() -> tuple[int, ...] | None:
    """Return the numbers of the cores that this process may use, or None where the system does not say."""
    # A job on a shared machine has fewer than the machine.
    return tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else None


def available_cores() -> int:
    """Count the cores that this process may use."""
    cores = allowed_cores()
    return len(cores) if cores is not None else os.cpu_count() or 1
