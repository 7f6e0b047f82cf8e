"""Signals that ask for an end: a command unwinds, removes what is half written, and goes."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from types import FrameType
from typing import NoReturn

ECHO_SECONDS = 3.0
"""A signal may come twice within this time: from a batch system to all processes, and from their parent."""

_ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


class Terminated(BaseException):
    """The system asks the process to end, as Ctrl-C does by `KeyboardInterrupt`.

    Attributes
    ----------
    number
        The signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


@contextmanager
def orderly_end() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise `Terminated` in the block, so that files and processes are cleaned up.

    A second signal, later than its echo, ends the process at once. What has a handler, or is ignored
    (``nohup``), stays as it is.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ours = [number for number in _ENDING if signal.getsignal(number) is signal.SIG_DFL]
    receive = _Receiver()
    for number in ours:
        signal.signal(number, receive)
    try:
        yield
    finally:
        for number in ours:
            if signal.getsignal(number) is receive:
                signal.signal(number, signal.SIG_DFL)


class _Receiver:
    def __init__(self) -> None:
        self._process, self._since = os.getpid(), 0.0

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        # A process that was forked has nothing of its own to clean up.
        if os.getpid() != self._process or (self._since and now - self._since > ECHO_SECONDS):
            _end_at_once(number)
        if not self._since:
            self._since = now
            raise Terminated(number)


def _end_at_once(number: int) -> NoReturn:
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)
    raise Terminated(number)


@contextmanager
def undisturbed_start() -> Iterator[None]:
    """Start processes of `multiprocessing` in the block: signals wait until they have got all they need.

    Ctrl-C and the end of a terminal, which go to all of its processes, never reach them: the parent ends
    them.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "pthread_sigmask"):
        yield
        return
    waiting: list[int] = []
    numbers = (signal.SIGINT, *_ENDING)
    before = {number: signal.getsignal(number) for number in numbers}
    # What is blocked here is blocked in the processes.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
    # Where it starts it unblocks the other signals, from which it protects itself.
    resource_tracker.ensure_running()
    for number in numbers:
        if callable(before[number]):
            signal.signal(number, lambda received, _frame: waiting.append(received))
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, handler in before.items():
            if callable(handler):
                signal.signal(number, handler)
        for number in waiting[:1]:
            signal.raise_signal(number)
