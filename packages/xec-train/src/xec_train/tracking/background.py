"""Jobs in a background thread, in order, with retries."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable

LIMIT = 10_000
"""Jobs that can wait; one is a few numbers, so this is some megabytes and some hours of training."""

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0  # seconds

Job = Callable[[], object]


class Background:
    """A thread with a bounded queue.

    A job that fails with a transient error is retried, with growing pauses, before the others. Jobs that are
    submitted when the queue is full are lost.

    Parameters
    ----------
    is_transient
        Whether to retry after an error.
    on_error
        Called with every error, and with one for the first job that was lost; from any thread.
    limit
        Jobs that can wait.
    first_pause
        Seconds before the first retry.

    Attributes
    ----------
    lost
        Number of jobs that were not done.
    """

    def __init__(
        self,
        is_transient: Callable[[Exception], bool],
        on_error: Callable[[Exception], None],
        *,
        limit: int = LIMIT,
        first_pause: float = _FIRST_PAUSE,
    ) -> None:
        self.lost = 0
        self._is_transient, self._on_error, self._first_pause = is_transient, on_error, first_pause
        self._queue: queue.Queue[Job | None] = queue.Queue()
        self._limit = limit
        self._closing = threading.Event()
        self._abandoned = False
        # A daemon: a job that hangs does not keep the process from ending.
        self._thread = threading.Thread(target=self._work, name="tracking", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Jobs in the queue."""
        return self._queue.qsize()

    def submit(self, job: Job) -> None:
        """Add a job to the queue, without waiting."""
        # Only one thread fills the queue: the bound holds. The queue's own bound would block `close`.
        if self._queue.qsize() < self._limit:
            self._queue.put(job)
            return
        if not self.lost:
            self._on_error(queue.Full(f"it is slow, {self._limit} calls wait for it"))
        self.lost += 1

    def close(self, timeout: float) -> bool:
        """Finish the jobs in the queue, and accept no more.

        Parameters
        ----------
        timeout
            Largest time to wait, in seconds.

        Returns
        -------
        bool
            Whether all jobs have been done.
        """
        end = time.monotonic() + timeout
        self._closing.set()
        self._queue.put(None)
        self._thread.join(max(0.0, end - time.monotonic()))
        if self._thread.is_alive():
            if not self._abandoned:
                self._on_error(TimeoutError(f"no answer within {timeout:g} s"))
            self._abandoned = True
            self.lost += 1
        return not self.lost

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            if self._abandoned or not self._do(job):
                self.lost += 1

    def _do(self, job: Job) -> bool:
        pause = self._first_pause
        while True:
            # An attempt that began before is not the last one, which is made when all is over.
            is_last = self._closing.is_set()
            try:
                job()
            except Exception as error:
                if self._abandoned:
                    return False
                self._on_error(error)
                if not self._is_transient(error):
                    return False
                if is_last:
                    self._abandoned = True
                    return False
            else:
                return True
            self._closing.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
