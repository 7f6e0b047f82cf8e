"""Checks of the machine as this process may use it: cores, memory, files, folders."""

from __future__ import annotations

import os
import resource
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from xec_data.reading.container_memory import container_memory
from xec_geometry.support.processors import (
    CORES_OF_JOB,
    THREADS,
    allowed_cores,
    available_cores,
    core_quota,
    processor_model,
)
from xec_train.doctor.finding import Finding

_GIGABYTE = 1e9
_SHARED_MEMORY = Path("/dev/shm")
_LEAST_SHARED = 256e6  # bytes; a container has 64 MB unless it is asked for more
_LEAST_FREE = 1e9  # bytes of memory or of a disk
_LEAST_FILES = 1024


def processors() -> Iterator[Finding]:
    """Cores and threads."""
    import torch

    bound, all_of_them = allowed_cores(), os.cpu_count() or 1
    yield Finding("processor", processor_model())
    job = os.environ.get(CORES_OF_JOB)
    of_job = f"; the job has {job}" if job else ""
    n_bound = all_of_them if bound is None else len(bound)
    yield Finding("cores allowed", f"{n_bound} of {all_of_them}{of_job}", _one_core(n_bound, all_of_them))
    quota = core_quota()
    if quota is not None:
        yield Finding("core quota", f"{quota:g}")
    stated, threads, most = os.environ.get(THREADS), torch.get_num_threads(), available_cores()
    # Unless they are stated, a command limits them itself.
    problem = f"more threads than cores: {THREADS}={most}" if stated and threads > most else ""
    yield Finding("threads of torch", f"{threads} ({THREADS}: {stated or 'not set'})", problem)
    yield _operators()


def _operators() -> Finding:
    from xec_models.blocks.native.compiling import find_compiler
    from xec_models.blocks.native.operators import VARIABLE, is_switched_off, operators

    name = "operators in C++"
    if is_switched_off():
        return Finding(name, f"off ({VARIABLE})")
    if operators() is not None:
        return Finding(name, "compiled")
    compiler = find_compiler()
    if compiler is None:
        return Finding(name, "none", "no C++ compiler: a training on the CPU takes longer than with one")
    return Finding(name, f"not compiled yet; the first training on the CPU does that with {compiler}")


def memory() -> Iterator[Finding]:
    """Memory, of the machine and of the container or job, and shared memory."""
    import psutil

    about = psutil.virtual_memory()
    left = container_memory()
    if left is not None and left > about.total:
        left = None  # a group without a limit
    free = min(about.available, left) if left is not None else about.available
    within = (
        f"; {left / _GIGABYTE:.1f} GB within the limit of the job or container" if left is not None else ""
    )
    yield Finding(
        "memory",
        f"{about.available / _GIGABYTE:.1f} of {about.total / _GIGABYTE:.1f} GB free{within}",
        "less than 1 GB is free: ask the job for more (--mem)" if free < _LEAST_FREE else "",
    )
    if not _SHARED_MEMORY.is_dir():
        yield Finding(
            str(_SHARED_MEMORY), "none", "reading processes need it: data.num_workers=0 reads without them"
        )
        return
    shared = shutil.disk_usage(_SHARED_MEMORY)
    problem = ""
    if shared.free < _LEAST_SHARED:
        problem = (
            "reading processes may lack it: more of it (docker run --shm-size=2g), or data.num_workers=0, "
            "which reads without them"
        )
    yield Finding(
        str(_SHARED_MEMORY),
        f"{shared.free / _GIGABYTE:.1f} of {shared.total / _GIGABYTE:.1f} GB free",
        problem,
    )


def files() -> Iterator[Finding]:
    """The limit of open files, and the folders that are written to."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield Finding(
        "open files",
        f"{_count(soft)} (at most {_count(hard)})",
        f"many event files need more: ulimit -n {_LEAST_FILES}" if 0 <= soft < _LEAST_FILES else "",
    )
    for name, path in (
        ("working folder", Path.cwd()),
        ("temporary folder", Path(tempfile.gettempdir())),
        ("home", Path("~").expanduser()),
    ):
        yield _folder(name, path)


def _folder(name: str, path: Path) -> Finding:
    if not path.is_dir():
        return Finding(name, str(path), "there is no such folder")
    free = shutil.disk_usage(path).free
    value = f"{path}, {free / _GIGABYTE:.1f} GB free"
    try:
        # Permissions do not tell all: a file system may be read-only, or its quota used up.
        with tempfile.TemporaryFile(dir=path) as file:
            file.write(b"xec")
            file.flush()
    except OSError as error:
        return Finding(name, value, f"cannot be written to: {error.strerror or error}")
    return Finding(name, value, "less than 1 GB is free" if free < _LEAST_FREE else "")


def _one_core(allowed: int, all_of_them: int) -> str:
    if allowed > 1 or all_of_them == 1:
        return ""
    return "one core reads and computes: ask the job for more (--cpus)"


def _count(limit: int) -> str:
    return "no limit" if limit == resource.RLIM_INFINITY else str(limit)
