"""The processor cores that a process may use, and the threads that fit them."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Iterator, MutableMapping
from pathlib import Path

from xec_geometry.support.control_groups import OWN_GROUPS, ROOT, control_groups

CORES_OF_JOB = "SLURM_CPUS_ON_NODE"
"""Environment variable of SLURM: the cores of the job on this machine, bound to it or not."""

THREADS = "OMP_NUM_THREADS"
"""Environment variable: how many threads the user wants within an operation."""


SPINS, POLICY = "GOMP_SPINCOUNT", "OMP_WAIT_POLICY"
"""Environment variables of OpenMP: how often a thread looks for the others before it sleeps, and whether."""

_FEW_SPINS = 1000


def allowed_cores() -> tuple[int, ...] | None:
    """Return the numbers of the cores that this process may use, or None where the system does not say."""
    # A job on a shared machine has fewer than the machine.
    return tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else None


def available_cores() -> int:
    """Count the cores that this process may use at a time: bound to it, of its container, of its job."""
    cores, quota, job = allowed_cores(), core_quota(), os.environ.get(CORES_OF_JOB, "")
    counts = [len(cores) if cores is not None else os.cpu_count() or 1]
    if quota is not None:
        counts.append(math.ceil(quota))
    if job.isdecimal():
        counts.append(int(job))
    return max(1, min(counts))


def default_threads() -> int:
    """Return the number of threads within an operation: that of `THREADS`, or one for each core."""
    stated = os.environ.get(THREADS, "")
    return int(stated) if stated.isdecimal() and int(stated) else available_cores()


def let_waiting_threads_sleep(environment: MutableMapping[str, str] = os.environ) -> None:
    """Keep threads that wait for others from occupying a core, unless the user has said how they wait.

    Beside another process, of whichever user, threads that look for each other all the time are slower than
    one thread alone. To be called before torch is imported, which reads the variables only then.
    """
    if SPINS not in environment and POLICY not in environment:
        environment[SPINS] = str(_FEW_SPINS)


def core_quota(own_groups: Path = OWN_GROUPS, root: Path = ROOT) -> float | None:
    """Return how many cores the container or job may keep busy on average; None: as many as there are.

    Parameters
    ----------
    own_groups, root
        As for `control_groups`.
    """
    groups = control_groups("cpu", own_groups, root)
    return min((quota for group in groups for quota in _quotas_of(*group)), default=None)


def _quotas_of(folder: Path, version: int) -> Iterator[float]:
    names = ("cpu.max",) if version == 2 else ("cpu.cfs_quota_us", "cpu.cfs_period_us")
    try:
        quota, period = " ".join((folder / name).read_text(encoding="ascii") for name in names).split()
        share = float(quota) / float(period)
    except (OSError, ValueError, ZeroDivisionError):
        return  # no such group, or the word "max"
    if share > 0:
        yield share


def processor_model() -> str:
    """Return the model of the processor, as the system names it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, "") or platform.processor() or platform.machine()
