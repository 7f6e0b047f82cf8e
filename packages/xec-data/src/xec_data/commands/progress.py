"""Progress of a long command on the terminal, and nothing elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def progress_of_files(verb: str) -> Iterator[Callable[[Path], Callable[[int, int], None]]]:
    """Show a bar per file on stderr while the block lasts, if that is a terminal.

    Parameters
    ----------
    verb
        What is being done.

    Yields
    ------
    callable
        From a file to a function that takes the events done and their total.
    """
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bars:

        def progress_of(path: Path) -> Callable[[int, int], None]:
            task = bars.add_task(f"{verb} {path.name}", total=None)
            return lambda done, total: bars.update(task, completed=done, total=total)

        yield progress_of
