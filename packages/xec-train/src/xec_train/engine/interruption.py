"""Interruption by Ctrl-C, SIGTERM, SIGUSR1 or SIGUSR2: the step is finished, then the training stops."""

from __future__ import annotations

import os
import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any, Self

from xec_geometry.support.signals import ECHO_SECONDS

# Jobs ask SLURM to send SIGUSR2 before it ends them, or SIGUSR1, which NCCL may take for itself.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
_STDERR = 2


class Interruption:
    """Handler of the signals within its ``with`` block.

    A second signal of the same kind has its usual effect: it ends the process at once.

    Parameters
    ----------
    launched
        Whether a launcher has started this process: it forwards signals that the terminal or SLURM has
        already sent to its processes. SIGTERM may come twice at nearly the same time in any case.
    quiet
        Whether another process reports the signal.

    Attributes
    ----------
    requested : bool
        Whether the training should stop after the current step.
    """

    def __init__(self, *, launched: bool = False, quiet: bool = False) -> None:
        self.requested = False
        self._launched, self._quiet = launched, quiet
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
        now, echo = time.monotonic(), self._launched or number == signal.SIGTERM
        if number in self._received:
            if not echo or now - self._received[number] > ECHO_SECONDS:
                signal.signal(number, self._before.get(number, signal.SIG_DFL))
                signal.raise_signal(number)
            return
        self._received[number] = now
        if not self._quiet and not self.requested:
            # Not print: it may be what was interrupted.
            name = signal.Signals(number).name
            again = "press Ctrl-C again" if number == signal.SIGINT else f"send {name} again"
            os.write(_STDERR, f"\n{name}: stopping after this step; {again} to abort\n".encode())
        self.requested = True
        if not echo:
            signal.signal(number, self._before.get(number, signal.SIG_DFL))
