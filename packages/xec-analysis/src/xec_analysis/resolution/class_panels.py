"""The panels about a classification: confusion of classes, efficiencies and purities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xec_analysis.resolution.confusion import count_classes
from xec_analysis.resolution.results import TaskResult
from xec_analysis.style.figures import BLUE, ORANGE
from xec_analysis.style.quantities import PERCENT, quantity_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.gridspec import SubplotSpec

# Beyond this share the blue of a cell is too dark for black letters.
_DARK = 0.6
_LARGE_LETTERS = 5


@dataclass(frozen=True)
class Confusion:
    """Matrix of true against predicted classes: counts, and shares of the true class."""

    output: str
    needs: tuple[str, ...] = ()

    def draw(self, figure: Figure, cell: SubplotSpec, result: TaskResult) -> None:
        ax = figure.add_subplot(cell)
        counts = count_classes(result)
        matrix = counts.matrix
        share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
        ax.imshow(share, cmap="Blues", vmin=0, vmax=1, origin="lower")
        size = 9.0 if len(matrix) <= _LARGE_LETTERS else 7.0
        for (row, column), value in np.ndenumerate(matrix):
            if value:
                text = f"{value}\n{PERCENT.factor * share[row, column]:.1f} %"
                colour = "white" if share[row, column] > _DARK else "black"
                ax.text(column, row, text, ha="center", va="center", color=colour, fontsize=size)
        symbol = quantity_of(result.output(self.output)).symbol
        ax.tick_params(length=0)
        ax.set(xticks=range(len(matrix)), yticks=range(len(matrix)))
        ax.set_xlabel(f"predicted {symbol}")
        ax.set_ylabel(f"true {symbol}")
        ax.set_title(f"right class: {counts.accuracy.texts[0]} %")


@dataclass(frozen=True)
class ClassQuality:
    """Efficiency and purity of every class, with their statistical errors."""

    output: str
    needs: tuple[str, ...] = ()

    def draw(self, figure: Figure, cell: SubplotSpec, result: TaskResult) -> None:
        ax = figure.add_subplot(cell)
        counts = count_classes(result)
        classes = np.arange(len(counts.matrix))
        kinds = (("efficiency", counts.efficiency, BLUE, "o"), ("purity", counts.purity, ORANGE, "s"))
        for side, (label, share, colour, marker) in zip((-0.1, 0.1), kinds, strict=True):
            values, errors = PERCENT.factor * share.value, PERCENT.factor * share.error
            ax.errorbar(classes + side, values, errors, fmt=marker, color=colour, lw=1.0, label=label)
        ax.set(xticks=classes, xlim=(-0.5, len(classes) - 0.5), ylim=(0, 115))
        ax.set_yticks(range(0, 101, 20))
        ax.axhline(100, color="black", lw=0.5)
        ax.legend(loc="upper center", ncols=2)
        ax.set_xlabel(quantity_of(result.output(self.output)).symbol)
        ax.set_ylabel(f"share of the events [{PERCENT.name}]")
