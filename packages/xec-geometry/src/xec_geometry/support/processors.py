"""The processor cores that a process may use."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def allowed_cores() -> tuple[int, ...] | None:
    """Return the numbers of the cores that this process may use, or None where the system does not say."""
    # A job on a shared machine has fewer than the machine.
    return tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else None


def available_cores() -> int:
    """Count the cores that this process may use."""
    cores = allowed_cores()
    return len(cores) if cores is not None else os.cpu_count() or 1


def processor_model() -> str:
    """Return the model of the processor, as the system names it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, "") or platform.processor() or platform.machine()
