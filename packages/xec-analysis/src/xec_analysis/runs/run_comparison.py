"""The validation curves of several trainings in one figure, and their best values in a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xec_analysis.errors import AnalysisError
from xec_analysis.resolution.digits import three_digits
from xec_analysis.runs.training_curves import LOSS, Curve, Panel, panels_of, read_metrics
from xec_analysis.style.figures import CYCLE, new_page, save, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from rich.table import Table

    from xec_models.checkpoint.run_directory import RunDirectory

Curves = Mapping[str, Curve]

_TRAINING_ONLY = ("learning rate",)
# A logarithmic axis over less has no ticks that can be read.
_DECADE = 10.0


def draw_runs(runs: Mapping[str, RunDirectory], path: Path, *, title: str, subtitle: str = "") -> Path:
    """Draw the validation curves of runs over each other.

    Parameters
    ----------
    runs
        Label in the legend to run directory.
    path
        File to write.
    title, subtitle
        For the header.

    Raises
    ------
    AnalysisError
        As `read_metrics`, or if the runs have no metric in common.
    """
    curves = {label: read_metrics(run.metrics) for label, run in runs.items()}
    panels = common_panels(curves)
    n_columns = min(len(panels), 3)
    n_rows = -(-len(panels) // n_columns)
    with style():
        figure = new_page(max(3.5 * n_columns, 6.0), 2.8 * n_rows, title, subtitle)
        axes = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
        for ax, (panel, name) in zip(axes, panels, strict=False):
            draw_panel(ax, panel, {label: values[name] for label, values in curves.items()})
        for ax in axes[len(panels) :]:
            ax.set_visible(False)
        axes[0].legend()
        return save(figure, path)


def common_panels(curves: Mapping[str, Curves]) -> list[tuple[Panel, str]]:
    """Return the panels that all runs have, each with its metric of the validation.

    Raises
    ------
    AnalysisError
        If there is nothing.
    """
    panels = []
    for panel in panels_of(next(iter(curves.values()))):
        if panel.label in _TRAINING_ONLY:
            continue
        several = panel.label != LOSS and len(panel.metrics) > 1
        # Where there are two losses, the training's stands first.
        for name in panel.metrics if several else list(panel.metrics)[-1:]:
            if all(name in values for values in curves.values()):
                label = f"{panel.label}: {panel.metrics[name]}" if several else panel.label
                panels.append((replace(panel, label=label, metrics={name: ""}), name))
    if not panels:
        raise AnalysisError(f"the runs {', '.join(curves)} have no metric of the validation in common")
    return panels


def plain_label(panel: Panel) -> str:
    """Return the label of a panel as a terminal can show it."""
    return panel.label.replace("$", "").replace("\\", "")


def runs_table(runs: Mapping[str, RunDirectory]) -> Table:
    """Return a rich table of the best value of every common metric, run by run."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    curves = {label: read_metrics(run.metrics) for label, run in runs.items()}
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("best of the validation", no_wrap=True)
    for label in runs:
        table.add_column(label, justify="right")
    for panel, name in common_panels(curves):
        best_of, first_of = (np.nanmax, max) if panel.rising else (np.nanmin, min)
        best = {label: float(best_of(values[name].value)) * panel.factor for label, values in curves.items()}
        first = first_of(best.values())
        cells = (f"[bold]{three_digits(x)}[/]" if x == first else three_digits(x) for x in best.values())
        table.add_row(escape(plain_label(panel)), *cells)
    return table


def draw_panel(
    ax: Axes,
    panel: Panel,
    curves: Mapping[str, Curve],
    styles: Iterable[tuple[str, str]] | None = None,
    *,
    from_zero: bool = True,
) -> None:
    """Draw one metric of several runs.

    Parameters
    ----------
    ax
        The axes.
    panel
        Label, unit and scale.
    curves
        Label in the legend to curve.
    styles
        Colour and kind of line of each; by default `line_styles`.
    from_zero
        Whether the axis of a width begins at zero.
    """
    from matplotlib.ticker import MaxNLocator

    for (label, curve), (colour, line) in zip(curves.items(), styles or line_styles(), strict=False):
        ax.plot(curve.epoch, curve.value * panel.factor, color=colour, ls=line, marker="o", label=label)
    values = np.concatenate([curve.value for curve in curves.values()]) * panel.factor
    finite = values[np.isfinite(values)]
    if panel.log and len(finite) and finite.max() > _DECADE * finite.min() > 0:
        ax.set_yscale("log")
    # A width starts at zero; a loss that is a likelihood may be negative.
    elif from_zero and not panel.log and len(finite) and finite.min() >= 0:
        ax.set_ylim(0.0, 1.15 * float(finite.max()) or 1.0)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.set_xlabel("epoch")
    ax.set_ylabel(panel.label)


def line_styles() -> Iterator[tuple[str, str]]:
    """Yield colours and kinds of lines that differ; they repeat after three rounds of the colours."""
    return cycle((colour, line) for line in ("-", "--", ":") for colour in CYCLE)
