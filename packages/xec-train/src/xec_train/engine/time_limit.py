"""The time limit of a training, and the number of steps that fit into it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Clock = Callable[[], float]
"""Returns seconds since any moment."""


class TimeLimit:
    """A clock of the time that a training has used, and its limit.

    Parameters
    ----------
    minutes
        The limit; None: none.
    clock
        The clock; the time begins now.
    """

    def __init__(self, minutes: float | None = None, clock: Clock = time.monotonic) -> None:
        self.seconds = math.inf if minutes is None else 60 * minutes
        self._clock, self._pauses = clock, 0.0
        self._begin = clock()

    def now(self) -> float:
        """Return the time of the clock, which stands still in pauses."""
        return self._clock() - self._pauses

    @property
    def exists(self) -> bool:
        """Whether there is a limit."""
        return self.seconds < math.inf

    @property
    def used(self) -> float:
        """Seconds used so far."""
        return self.now() - self._begin

    @property
    def left(self) -> float:
        """Seconds left; negative beyond the limit."""
        return self.seconds - self.used

    def resume(self, used: float) -> None:
        """Count the seconds that a resumed training had used before."""
        self._begin -= used

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave out the seconds that a block takes."""
        begin = self._clock()
        yield
        self._pauses += self._clock() - begin


class Speed:
    """Mean time of a step, mostly that of the latest ones.

    Parameters
    ----------
    memory
        Seconds after which a measurement counts half.

    Attributes
    ----------
    seconds, steps
        Sums of the measurements, each as it counts now.
    """

    def __init__(self, memory: float) -> None:
        self._memory, self.seconds, self.steps = memory, 0.0, 0.0

    @property
    def seconds_per_step(self) -> float | None:
        """The mean; None if nothing is measured."""
        return self.seconds / self.steps if self.steps else None

    def add(self, seconds: float, steps: int) -> None:
        """Add the time that some steps have taken together."""
        kept = 0.5 ** (seconds / self._memory)
        self.seconds = kept * self.seconds + seconds
        self.steps = kept * self.steps + steps


def steps_that_fit(
    seconds: float, step: float, validation: float, steps_to_validation: int, steps_per_epoch: int
) -> int:
    """Return how many steps fit, with a validation after every epoch and after the last step.

    No epoch is begun for steps that take less time than its validation.

    Parameters
    ----------
    seconds
        The time.
    step, validation
        Seconds of a step, and of a validation.
    steps_to_validation
        Steps to the end of the current epoch.
    steps_per_epoch
        Steps of a whole epoch.
    """
    this_epoch = steps_to_validation * step + validation
    if seconds < this_epoch:
        return max(0, min(steps_to_validation, math.floor((seconds - validation) / step)))
    whole, rest = divmod(seconds - this_epoch, steps_per_epoch * step + validation)
    cut = math.floor((rest - validation) / step)
    return steps_to_validation + int(whole) * steps_per_epoch + (cut if cut * step >= validation else 0)
