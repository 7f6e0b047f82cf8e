"""How far a command is with its events, on a terminal and in the log of a batch job."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

QUIET_SECONDS = 60.0
"""Time between two lines about progress where there is no terminal."""


def duration(seconds: float) -> str:
    """Say a time in one unit."""
    for unit, length in (("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


class EventsProgress:
    """How far a command is with its events: a bar on a terminal, else a line from time to time.

    Parameters
    ----------
    label
        What the command does.
    bar, task
        A bar of rich, and the task in it; None without a terminal.
    """

    def __init__(self, label: str, bar: Progress | None = None, task: TaskID | None = None) -> None:
        self._label, self._bar, self._task = label, bar, task
        self._start = self._last = time.monotonic()

    @property
    def console(self) -> Console | None:
        """The terminal that the bar is on."""
        return None if self._bar is None else self._bar.console

    def update(self, done: int, total: int, what: str = "") -> None:
        """Tell the events done and their number."""
        text = f"{self._label} {what}".strip()
        if self._bar is not None and self._task is not None:
            task = self._bar.tasks[self._task]
            speed = task.finished_speed or task.speed
            rate = f"{speed:.0f} events/s" if speed else ""
            self._bar.update(self._task, completed=done, total=total, rate=rate, description=text)
            return
        now = time.monotonic()
        if now - self._last >= QUIET_SECONDS and done:
            self._last = now
            seconds = now - self._start
            left = duration(seconds * (total - done) / done)
            print(
                f"{text}: {done} of {total} events, {done / seconds:.0f} events/s, {left} left",
                file=sys.stderr,
                flush=True,
            )


@contextlib.contextmanager
def events_progress(label: str) -> Iterator[EventsProgress]:
    """Show how far the events are on stderr: a bar if that is a terminal, else a line every minute.

    Yields
    ------
    EventsProgress
        Takes the events done and their number.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield EventsProgress(label)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        yield EventsProgress(label, progress, progress.add_task(label, total=None, rate=""))
