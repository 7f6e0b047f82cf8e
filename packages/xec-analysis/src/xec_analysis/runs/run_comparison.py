"""The validation curves of several trainings in one figure, and their best values in a table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xec_analysis.errors import AnalysisError
from xec_analysis.resolution.digits import three_digits
from xec_analysis.runs.training_curves import Curve, Panel, panels_of, read_metrics
from xec_analysis.style.figures import CYCLE, new_page, save, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from rich.table import Table

    from xec_models.checkpoint.run_directory import RunDirectory

Curves = Mapping[str, Curve]

_TRAINING_ONLY = ("learning rate",)


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
            _draw(ax, panel, {label: values[name] for label, values in curves.items()})
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
        # Where there are two, the training's metric stands first.
        name = list(panel.metrics)[-1]
        if panel.label not in _TRAINING_ONLY and all(name in values for values in curves.values()):
            panels.append((panel, name))
    if not panels:
        raise AnalysisError(f"the runs {', '.join(curves)} have no metric of the validation in common")
    return panels


def runs_table(runs: Mapping[str, RunDirectory]) -> Table:
    """Return a rich table of the best value of every common metric, run by run."""
    from rich import box
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
        plain = panel.label.replace("$", "").replace("\\", "")
        cells = (f"[bold]{three_digits(x)}[/]" if x == first else three_digits(x) for x in best.values())
        table.add_row(plain.replace("[", r"\["), *cells)
    return table


def _draw(ax: Axes, panel: Panel, curves: Mapping[str, Curve]) -> None:
    from matplotlib.ticker import MaxNLocator

    for (label, curve), colour in zip(curves.items(), CYCLE, strict=False):
        ax.plot(curve.epoch, curve.value * panel.factor, "o-", color=colour, label=label)
    if panel.log:
        ax.set_yscale("log")
    else:
        values = np.concatenate([curve.value for curve in curves.values()]) * panel.factor
        # A width starts at zero; a loss that is a likelihood may be negative.
        if np.nanmin(values) >= 0:
            ax.set_ylim(0.0, 1.15 * float(np.nanmax(values)) or 1.0)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.set_xlabel("epoch")
    ax.set_ylabel(panel.label)
