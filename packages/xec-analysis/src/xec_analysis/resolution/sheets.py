"""Sheets of the size of a slide: rows of panels that share its width."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from xec_analysis.resolution.results import TaskResult
from xec_analysis.style.figures import new_slide

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.gridspec import SubplotSpec


class Panel(Protocol):
    """Something drawn into one cell of a sheet.

    A panel with an attribute `weight` is that much wider than the others of its row.
    """

    @property
    def needs(self) -> tuple[str, ...]:
        """The variables, keys of `TaskResult.variables`, without which the panel cannot be drawn."""

    def draw(self, figure: Figure, cell: SubplotSpec, result: TaskResult) -> None:
        """Draw the panel about `result` into a cell of the figure."""


@dataclass(frozen=True)
class Sheet:
    """Panels that are looked at together.

    Attributes
    ----------
    title
        What they show, behind the task in the header; may be empty.
    rows
        The panels, row by row; those of a row share the whole width.
    key
        How the panels are read, at the right of the header.
    caption
        What they show, in a few sentences that are not drawn (see `new_page`).
    """

    title: str
    rows: tuple[tuple[Panel, ...], ...]
    key: str = ""
    caption: str = ""

    def of(self, result: TaskResult) -> Sheet:
        """Return the sheet without the panels whose variable the file does not have."""
        rows = [tuple(panel for panel in row if _has(result, panel)) for row in self.rows]
        return Sheet(self.title, tuple(row for row in rows if row), self.key, self.caption)

    def draw(self, result: TaskResult, title: str, subtitle: str) -> Figure:
        """Draw the panels of a sheet that has some, below two lines."""
        from matplotlib.gridspec import GridSpec

        figure = new_slide(title, subtitle, self.key, self.caption)
        grid = GridSpec(len(self.rows), 1, figure=figure)
        for i, row in enumerate(self.rows):
            weights = [getattr(panel, "weight", 1.0) for panel in row]
            cells = grid[i].subgridspec(1, len(row), width_ratios=weights)
            for j, panel in enumerate(row):
                panel.draw(figure, cells[j], result)
        return figure


def _has(result: TaskResult, panel: Panel) -> bool:
    return all(name in result.variables for name in panel.needs)
