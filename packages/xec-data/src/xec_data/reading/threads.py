"""Threads that share the work of one call; a process that was forked starts its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from xec_geometry.support.processors import available_cores

_AT_MOST = 4
"""Threads beyond these decompress hardly faster."""


class Threads:
    """Some threads, started when there is work for more than one.

    Parameters
    ----------
    number
        How many; by default one per core, at most 4.

    Attributes
    ----------
    number : int
        How many.
    """

    def __init__(self, number: int | None = None) -> None:
        self._pool: tuple[int, ThreadPoolExecutor] | None = None
        self.number = number or min(_AT_MOST, available_cores())

    def do(self, tasks: Sequence[Callable[[], None]]) -> None:
        """Do all tasks, and raise the first error in their order.

        After an error no other task is begun.
        """
        if len(tasks) == 1 or self.number == 1:
            for task in tasks:
                task()
            return
        pool = self._started()
        futures = [pool.submit(task) for task in tasks]
        try:
            for future in futures:
                future.result()
        finally:
            for future in futures:
                future.cancel()

    def stop(self) -> None:
        """End the threads. They are started again when they are needed."""
        if self._pool is not None and self._pool[0] == os.getpid():
            self._pool[1].shutdown()
        self._pool = None

    def _started(self) -> ThreadPoolExecutor:
        # A parent's threads do not live in a process that was forked.
        if self._pool is None or self._pool[0] != os.getpid():
            self._pool = os.getpid(), ThreadPoolExecutor(self.number, thread_name_prefix="xec-data")
        return self._pool[1]

    def __del__(self) -> None:
        self.stop()

    def __getstate__(self) -> dict[str, Any]:
        return {"number": self.number}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.number, self._pool = state["number"], None
