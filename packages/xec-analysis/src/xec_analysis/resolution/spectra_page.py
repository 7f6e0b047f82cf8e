"""Spectra of the predictions and of the conventional reconstruction, and their difference in time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xec_analysis.resolution.panel_axes import padded_range
from xec_analysis.resolution.panels import Against
from xec_analysis.resolution.results import RUN, Results, TaskResult
from xec_analysis.resolution.sheets import Panel
from xec_analysis.style.figures import BLUE, ORANGE, new_slide, save_sheets, style
from xec_analysis.style.quantities import quantity_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.gridspec import SubplotSpec

_COLUMNS = 3
_CAPTION = (
    "Above, the spectra of the network (filled) and of the conventional reconstruction (dashed) of the "
    "same events. Below, where the file has run numbers, their difference against the run."
)


@dataclass(frozen=True)
class Spectra:
    """Distributions of the predictions and of their reference, of the same events."""

    output: str
    needs: tuple[str, ...] = ()

    def draw(self, figure: Figure, cell: SubplotSpec, result: TaskResult) -> None:
        ax = figure.add_subplot(cell)
        what = quantity_of(result.output(self.output))
        curves = {
            "network": (result.predicted(self.output) * what.unit.factor, BLUE, "-"),
            result.reference.adjective: (result.true(self.output) * what.unit.factor, ORANGE, "--"),
        }
        low, high = padded_range(np.concatenate([values for values, _, _ in curves.values()]))
        edges = np.linspace(low, high, int(np.clip(2.5 * len(result) ** 0.45, 12, 90)) + 1)
        for label, (values, colour, dashes) in curves.items():
            counts = np.histogram(values, edges)[0]
            if label == "network":
                ax.stairs(counts, edges, color=colour, fill=True, alpha=0.25, lw=0)
            ax.stairs(counts, edges, color=colour, ls=dashes, lw=1.2, label=label)
        ax.set_xlim(low, high)
        ax.set_ylim(0, 1.3 * ax.get_ylim()[1])
        ax.set_xlabel(what.label)
        ax.set_ylabel("events per bin")
        ax.legend(loc="upper right", ncols=2)


def draw_spectra_page(results: Results, path: Path) -> list[Path]:
    """Draw, for every output, both spectra and, if the file has runs, the difference against the run.

    Parameters
    ----------
    results
        Predictions and their reference.
    path
        File to write; its suffix gives the format. More slides than one are further pages of a PDF, or
        further files.

    Returns
    -------
    list of Path
        The files written.
    """
    shown = [
        (result, output)
        for result in results.tasks.values()
        for output in result.spec.outputs
        if not result.spec.n_classes
    ]
    panels: list[list[tuple[Panel, TaskResult]]] = []
    for result, output in shown:
        column: list[tuple[Panel, TaskResult]] = [(Spectra(output.name), result)]
        if RUN in result.variables:
            column.append((Against(output.name, RUN, relative=output.residual == "ratio"), result))
        panels.append(column)
    return save_sheets(_slides(results, panels), path)


def _slides(results: Results, panels: list[list[tuple[Panel, TaskResult]]]) -> Iterator[Figure]:
    from matplotlib.gridspec import GridSpec

    n_slides = -(-len(panels) // _COLUMNS)
    title = f"Network and {results.reference.name}: {results.name}"
    remarks = dict.fromkeys(result.remark for result in results.tasks.values() if result.remark)
    with style():
        for k in range(n_slides):
            columns = panels[k * len(panels) // n_slides : (k + 1) * len(panels) // n_slides]
            figure = new_slide(title, "; ".join(remarks), caption=_CAPTION)
            grid = GridSpec(max(len(column) for column in columns), len(columns), figure=figure)
            for j, column in enumerate(columns):
                for i, (panel, result) in enumerate(column):
                    panel.draw(figure, grid[i, j], result)
            yield figure
