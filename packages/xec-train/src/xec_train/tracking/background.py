"""Jobs that may take their time or fail, done in the order in which they come while nobody waits."""

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

    A job that fails for a passing reason is tried again, with growing pauses, and the others wait behind
    it. What comes when the queue is full is lost.

    Parameters
    ----------
    passing
        Whether trying again after this error makes sense.
    trouble
        Told about every error, and once about the first job that was lost; called from any thread.
    limit
        Jobs that can wait.
    first_pause
        Seconds before a job is tried again for the first time.

    Attributes
    ----------
    lost
        Number of jobs that were not done and will not be.
    """

    def __init__(
        self,
        passing: Callable[[Exception], bool],
        trouble: Callable[[Exception], None],
        *,
        limit: int = LIMIT,
        first_pause: float = _FIRST_PAUSE,
    ) -> None:
        self.lost = 0
        self._passing, self._trouble, self._first_pause = passing, trouble, first_pause
        self._queue: queue.Queue[Job | None] = queue.Queue()
        self._limit = limit
        self._closing = threading.Event()
        self._given_up = False
        # A daemon: a job that hangs does not keep the process from ending.
        self._thread = threading.Thread(target=self._work, name="tracking", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Jobs in the queue."""
        return self._queue.qsize()

    def submit(self, job: Job) -> None:
        """Take a job; this returns at once."""
        # Only one thread fills the queue: the bound holds. The queue's own would hold up the end of all.
        if self._queue.qsize() < self._limit:
            self._queue.put(job)
            return
        if not self.lost:
            self._trouble(queue.Full(f"it is slow, {self._limit} calls wait for it"))
        self.lost += 1

    def close(self, patience: float) -> bool:
        """Let the jobs that wait be done, and take no more.

        Parameters
        ----------
        patience
            Seconds that this takes at most.

        Returns
        -------
        bool
            Whether all jobs have been done.
        """
        end = time.monotonic() + patience
        self._closing.set()
        self._queue.put(None)
        self._thread.join(max(0.0, end - time.monotonic()))
        if self._thread.is_alive():
            if not self._given_up:
                self._trouble(TimeoutError(f"no answer within {patience:g} s"))
            self._given_up = True
            self.lost += 1
        return not self.lost

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            if self._given_up or not self._do(job):
                self.lost += 1

    def _do(self, job: Job) -> bool:
        pause = self._first_pause
        while True:
            try:
                job()
            except Exception as error:
                if self._given_up:
                    return False
                self._trouble(error)
                if not self._passing(error):
                    return False
                if self._closing.is_set():
                    self._given_up = True
                    return False
            else:
                return True
            self._closing.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
