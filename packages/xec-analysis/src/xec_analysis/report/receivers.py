"""Other packages that take a page about a run, such as a tracking server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from xec_geometry.support.entry_points import entry_points
from xec_geometry.support.text import first_line

GROUP = "xec.page_receivers"


def send_page(run_dir: Path, page: Path) -> Iterator[str]:
    """Hand a page to every entry point of the group, and yield what each tells.

    Parameters
    ----------
    run_dir
        The run directory.
    page
        The file, which stays where it is.
    """
    for point in entry_points(group=GROUP):
        try:
            yield from point.load()(run_dir, page)
        # Of another package, which may be damaged: the page is written.
        except Exception as error:
            yield f"'{point.name}' does not take {page.name}: {type(error).__name__}: {first_line(error)}"
