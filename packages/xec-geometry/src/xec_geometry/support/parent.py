"""Processes that end with the process that started them, however that ends."""

from __future__ import annotations

import multiprocessing
import os
import threading


def exit_with_parent() -> None:
    """End this process when its parent has ended; to be called by a process of `multiprocessing`."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_exit_after, args=(parent,), daemon=True).start()


def _exit_after(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    # Not sys.exit: this is not the main thread, which may wait for work that nobody sends.
    os._exit(1)
