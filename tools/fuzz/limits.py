"""Limits of time and memory for what one input may cost."""

from __future__ import annotations

import faulthandler
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

SECONDS = 10.0
"""Processor time that reading an input may take: a machine that is busy is no fault of ours."""

WAITING = 300.0
"""Time after which a process that does nothing, or cannot be interrupted, is ended, in seconds."""

MEMORY = 1 << 30
"""Bytes that reading an input may ask for."""

_UNLIMITED = resource.RLIM_INFINITY


class TooLongError(BaseException):
    """Reading took too long. No handler of errors takes this for one of a file."""


@contextmanager
def limits(seconds: float = SECONDS, memory: int = MEMORY) -> Iterator[None]:
    """Limit the processor time and the additional memory of a block; after `WAITING` the process ends."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise TooLongError(f"not done after {seconds:g} s of processor time")

    before = signal.signal(signal.SIGPROF, stop)
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    faulthandler.dump_traceback_later(WAITING, exit=True, file=sys.__stderr__)
    resource.setrlimit(resource.RLIMIT_DATA, (_allowed(memory), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _allowed(memory: int) -> int:
    """Return the limit of a process that may take so much more than it has; none if that is unknown."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return _UNLIMITED
    kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmData:"))
    return int(kilobytes) * 1024 + memory
