"""Progress of a simulation: a bar on a terminal, a few plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_PLAIN_LINES = 10


@contextmanager
def show_progress(n_events: int) -> Iterator[Callable[[int], None]]:
    """Report on stderr how many events are done.

    Parameters
    ----------
    n_events
        Number of events in total.

    Yields
    ------
    callable
        Takes the number of events done so far.
    """
    if not sys.stderr.isatty():
        yield _plain_reporter(n_events)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("simulating"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("simulating", total=n_events)
        yield lambda done: bar.update(task, completed=done)


def _plain_reporter(n_events: int) -> Callable[[int], None]:
    reported = 0

    def report(done: int) -> None:
        nonlocal reported
        tenth = done * _PLAIN_LINES // n_events
        if tenth > reported:
            reported = tenth
            print(f"simulated {done} of {n_events} events", file=sys.stderr, flush=True)

    return report
