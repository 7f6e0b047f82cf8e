"""Interruption by Ctrl-C, SIGTERM or SIGUSR1: the step is finished, then the training stops cleanly."""

from __future__ import annotations

import os
import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any, Self

# Jobs ask SLURM to send SIGUSR1 before it ends them.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
_STDERR = 2
# A launcher forwards signals that the terminal or SLURM has already sent to its processes.
_SECONDS_OF_ECHO = 3.0


class Interruption:
    """Handler of the signals within its ``with`` block.

    A second signal of the same kind has its usual effect: it ends the process at once.

    Parameters
    ----------
    launched
        Whether a launcher has started this process: then a signal may come twice at nearly the same time.
    quiet
        Whether another process reports the signal.

    Attributes
    ----------
    requested : bool
        Whether the training should stop after the current step.
    """

    def __init__(self, *, launched: bool = False, quiet: bool = False) -> None:
        self.requested = False
        self._echo, self._quiet = _SECONDS_OF_ECHO if launched else 0.0, quiet
        self._before: dict[int, Any] = {}
        self._received: dict[int, float] = {}

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
        now = time.monotonic()
        if number in self._received:
            if now - self._received[number] > self._echo:
                signal.signal(number, self._before.get(number, signal.SIG_DFL))
                signal.raise_signal(number)
            return
        self._received[number] = now
        self.requested = True
        if not self._quiet:
            # Not print: it may be what was interrupted.
            name = signal.Signals(number).name
            again = "press Ctrl-C again" if number == signal.SIGINT else f"send {name} again"
            os.write(_STDERR, f"\n{name}: stopping after this step; {again} to abort\n".encode())
        if not self._echo:
            signal.signal(number, self._before.get(number, signal.SIG_DFL))
