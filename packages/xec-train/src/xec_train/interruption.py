"""Ctrl-C, SIGTERM and SIGUSR1: finish the step, then stop in order."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

# SIGUSR1 is what SLURM is asked to send before it ends a job.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
_STDERR = 2


class Interruption:
    """Listens for the signals as long as its ``with`` block runs.

    A second signal of the same kind does what it always did: it ends the process at once.

    Attributes
    ----------
    requested : bool
        Whether the training should stop after the step that runs.
    """

    def __init__(self) -> None:
        self.requested = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        # Python delivers signals to the main thread only.
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._receive) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        self.requested = True
        name = signal.Signals(number).name
        # Not print: it may be what was interrupted.
        os.write(_STDERR, f"\n{name}: stopping after this step; once more to stop at once\n".encode())
        signal.signal(number, self._before.get(number, signal.SIG_DFL))
