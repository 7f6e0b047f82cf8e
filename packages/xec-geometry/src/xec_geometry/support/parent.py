"""Processes that end with the process that started them, however that ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path


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
    """Run a Python program, which gets SIGTERM when this process has ended, however that came.

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
    try:
        # The same interpreter, so that the packages of this installation run.
        command = [sys.executable, "-c", watch + program, *arguments]
        return subprocess.run(command, cwd=folder, check=False, pass_fds=[reading]).returncode
    finally:
        os.close(reading)
        os.close(writing)


def terminate_after(reading: int) -> None:
    """Send SIGTERM to this process when the other end of a pipe is closed."""
    threading.Thread(target=_terminate_after, args=(reading,), daemon=True).start()


def _terminate_after(reading: int) -> None:
    os.read(reading, 1)
    os.kill(os.getpid(), signal.SIGTERM)
