"""Progress bars of long commands on a terminal."""

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
    if not console.is_terminal:
        yield lambda path: lambda done, total: None  # noqa: ARG005
        return
    with Progress(console=console, transient=True) as bars:

        def progress_of(path: Path) -> Callable[[int, int], None]:
            task = bars.add_task(f"{verb} {path.name}", total=None)
            return lambda done, total: bars.update(task, completed=done, total=total)

        yield progress_of
