"""The phases of a training step, and a stopwatch for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch.profiler import record_function

READ, TRANSFER, FORWARD, BACKWARD, STEP = PHASES = ("read", "transfer", "forward", "backward", "step")

Phase = Callable[[str], AbstractContextManager[None]]
"""Function from the name of a phase to a context around it."""


def unmeasured(_name: str) -> AbstractContextManager[None]:
    """Measure nothing."""
    return nullcontext()


class Stopwatch:
    """Stopwatch of the phases, which names them in a trace.

    Parameters
    ----------
    device
        Device, which is synchronized at the end of each phase: else its time would count for the next one.

    Attributes
    ----------
    seconds
        Time spent in each phase since the last `restart`.
    total : float
        Time since then.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.restart()

    def restart(self) -> None:
        """Reset all times."""
        self.seconds = dict.fromkeys(PHASES, 0.0)
        self._begin = time.perf_counter()

    @property
    def total(self) -> float:
        """Time since the last `restart`."""
        return time.perf_counter() - self._begin

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Measure a block."""
        begin = time.perf_counter()
        with record_function(name):
            yield
            if self.device.type == "cuda":
                torch.cuda.synchronize(self.device)
        self.seconds[name] += time.perf_counter() - begin
