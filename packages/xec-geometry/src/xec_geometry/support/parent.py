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


def run_child(program: str, arguments: Sequence[str], folder: Path) -> int:
    """Run a Python program, which gets SIGTERM when this process ends, however that comes.

    Where this process is interrupted it waits until the program has cleaned up.

    Parameters
    ----------
    program
        Text of the program.
    arguments
        Its arguments.
    folder
        Where it runs.

    Returns
    -------
    int
        Its exit code.
    """
    # The system closes the writing end with this process: the reading end tells the child.
    reading, writing = os.pipe()
    watch = f"from xec_geometry.support.parent import terminate_after; terminate_after({reading}); "
    # The same interpreter, so that the packages of this installation run.
    command = [sys.executable, "-c", watch + program, *arguments]
    with os.fdopen(reading, "rb") as read, os.fdopen(writing, "wb") as written:
        process = subprocess.Popen(command, cwd=folder, pass_fds=[read.fileno()])
        try:
            return process.wait()
        except KeyboardInterrupt:
            # It usually has had the same Ctrl-C.
            _wait(process, _SECONDS_AFTER_CTRL_C)
            raise
        finally:
            written.close()
            try:
                _wait(process, _SECONDS_TO_CLEAN_UP)
            finally:
                process.kill()
                process.wait()


def _wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)


def terminate_after(reading: int) -> None:
    """Send SIGTERM to this process when the other end of a pipe is closed."""
    threading.Thread(target=_terminate_after, args=(reading,), daemon=True).start()


def _terminate_after(reading: int) -> None:
    os.read(reading, 1)
    os.kill(os.getpid(), signal.SIGTERM)
