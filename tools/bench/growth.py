"""``hatch run bench-growth FIGURE.pdf``: growth of time and memory, against the expected straight lines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from tools.bench.sweeps import SWEEPS, Curve

from xec_analysis.style.figures import BLUE, GREY, check_format, new_page, save, style
from xec_geometry.support.output import check_writable

_COLUMNS = 3


def main(figure: Annotated[Path, typer.Argument(help="The figure to draw (pdf, png, svg).")]) -> None:
    """Measure how cost grows with batch, width, processes and files, and draw it."""
    check_format(figure)
    check_writable(figure)
    console = Console()
    curves: list[Curve] = []
    for sweep in SWEEPS:
        with console.status(sweep.__name__.replace("_", " ")):
            curves += sweep()
    console.print(_table(curves))
    console.print(str(_draw(curves, figure)), soft_wrap=True)


def _table(curves: list[Curve]) -> Table:
    table = Table()
    for column in ("what", "against", "values"):
        table.add_column(column)
    for column in ("at zero", "slope", "farthest from line"):
        table.add_column(column, justify="right")
    for curve in curves:
        values = "  ".join(f"{x:.4g}: {y:.3g}" for x, y in zip(curve.x, curve.y, strict=True))
        offset, slope = (f"{number:.3g}" for number in curve.line()) if curve.linear else ("", "")
        distance = f"{100 * curve.farthest():.0f} %" if curve.linear else ""
        table.add_row(escape(curve.what), escape(curve.per), values, offset, slope, distance)
    return table


def _draw(curves: list[Curve], path: Path) -> Path:
    rows = -(-len(curves) // _COLUMNS)
    with style():
        page = new_page(
            3.5 * _COLUMNS, 2.8 * rows, "How cost grows", "grey: the straight line that was expected"
        )
        axes = page.subplots(rows, _COLUMNS, squeeze=False).ravel()
        for ax, curve in zip(axes, curves, strict=False):
            if curve.linear:
                offset, slope = curve.line()
                ends = np.array([min(curve.x), max(curve.x)])
                ax.plot(ends, offset + slope * ends, color=GREY)
            ax.plot(curve.x, curve.y, "o" if curve.linear else "o-", color=BLUE)
            ax.set_xlabel(curve.per)
            ax.set_ylabel(curve.what)
            ax.set_ylim(0, 1.1 * max(curve.y))
        for ax in axes[len(curves) :]:
            ax.set_visible(False)
        return save(page, path)


if __name__ == "__main__":
    typer.run(main)
