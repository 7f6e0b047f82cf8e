"""Processes that end with the process that started them, however that ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

# Longer than commands need that only remove their temporary files.
_SECONDS_AFTER_CTRL_C = 2.0
# A training finishes its step and writes a checkpoint.
_SECONDS_TO_CLEAN_UP = 120.0


def exit_with_parent() -> None:
    """End this process when its parent has ended; to be called by a process of `multiprocessing`."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_exit_after, args=(parent,), daemon=True).start()


def _exit_after(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    # Not sys.exit: this is not the main thread, which may wait for work that nobody sends.
    os._exit(1)


class Child:
    """A Python program, which gets SIGTERM when this process ends, however that comes.

    Parameters
    ----------
    program
        Text of the program.
    arguments
        Its arguments.
    folder
        Where it runs.
    options
        Further options of `subprocess.Popen`.
    """

    def __init__(self, program: str, arguments: Sequence[str], folder: Path, **options: Any) -> None:
        # The system closes the writing end with this process: the reading end tells the child.
        reading, self._writing = os.pipe()
        watch = f"from xec_geometry.support.parent import terminate_after; terminate_after({reading}); "
        # The same interpreter, so that the packages of this installation run.
        command = [sys.executable, "-c", watch + program, *arguments]
        try:
            self.process = subprocess.Popen(command, cwd=folder, pass_fds=[reading], **options)
        except BaseException:
            self.ask_to_end()
            raise
        finally:
            os.close(reading)

    def ask_to_end(self) -> None:
        """Send SIGTERM, once."""
        writing, self._writing = self._writing, -1
        if writing >= 0:
            os.close(writing)

    def wait(self, seconds: float) -> None:
        """Wait for its end, at most some time."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)

    def end(self) -> None:
        """Ask it to end, wait until it has cleaned up, and kill it if that takes too long."""
        self.ask_to_end()
        try:
            self.wait(_SECONDS_TO_CLEAN_UP)
        finally:
            self.process.kill()
            self.process.wait()


def run_child(program: str, arguments: Sequence[str], folder: Path) -> int:
    """Run a Python program as a `Child`.

    Where this process is interrupted it waits until the program has cleaned up.

    Parameters
    ----------
    program, arguments, folder
        As for `Child`.

    Returns
    -------
    int
        Its exit code.
    """
    child = Child(program, arguments, folder)
    try:
        return child.process.wait()
    except KeyboardInterrupt:
        # It usually has had the same Ctrl-C.
        child.wait(_SECONDS_AFTER_CTRL_C)
        raise
    finally:
        child.end()


def terminate_after(reading: int) -> None:
    """Send SIGTERM to this process when the other end of a pipe is closed."""
    threading.Thread(target=_terminate_after, args=(reading,), daemon=True).start()


def _terminate_after(reading: int) -> None:
    os.read(reading, 1)
    os.kill(os.getpid(), signal.SIGTERM)
