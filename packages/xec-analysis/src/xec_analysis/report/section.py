"""A section of a report, and what it is made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from xec_analysis.plots.source import PlotSource
from xec_analysis.report.blocks import Block


@dataclass(frozen=True)
class Subject:
    """What a report is about.

    Attributes
    ----------
    plots
        The run or file.
    folder
        An empty folder for pictures, which is removed when the page is written.
    n_displayed
        Events in the interactive display.
    """

    plots: PlotSource
    folder: Path
    n_displayed: int = 0

    @property
    def name(self) -> str:
        """Name of the run, or of the file without its suffix."""
        return self.plots.run.name if self.plots.run is not None else self.plots.path.stem


@dataclass(frozen=True)
class Section:
    """A part of a report.

    Attributes
    ----------
    name
        In the table, and in addresses inside the page.
    title
        Its heading.
    build
        From the subject to what stands in it; nothing: the section is left out.
    """

    name: str
    title: str
    build: Callable[[Subject], list[Block]]
