"""The page of one of the worst events: readings and points, its losses, and the attention of the fusion."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xec_analysis.events.display import draw_sides, known_estimates
from xec_analysis.events.marks import draw_legend
from xec_analysis.events.worst_events import WorstEvent, WorstEvents
from xec_analysis.resolution.digits import three_digits
from xec_analysis.style.figures import new_page, save, style
from xec_geometry import SensorTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Inches; the last is the height of the text in heights of a layer.
_SIDE, _HEIGHT, _COLUMN, _TEXT = 6.4, 6.6, 4.2, 0.75

_CAPTION = (
    "Left the photons, middle the times of all sensors on the unrolled detector; hatched sensors have "
    "no number of photons, grey ones no time. The marks are the first interaction point: true, predicted "
    "and, where the file has it, of the conventional reconstruction. Right the loss of every task with its "
    "residuals, and how much (in %) each face takes from every other one inside the network (attention)."
)


def draw_worst_event(
    worst: WorstEvents, one: WorstEvent, path: Path, geometry: SensorTable | None = None
) -> Path:
    """Draw an event beside its losses and, as far as known, its attention.

    Parameters
    ----------
    worst, one
        The events, and the one to draw.
    path
        The picture; its suffix gives the format.
    geometry
        Where the sensors are drawn; in their nominal places by default.
    """
    losses, event = worst.losses, one.event
    known = losses.total[np.isfinite(losses.total)]
    remark = (
        f"Number {one.number} of the worst of {len(known)} events by the {losses.meaning}: "
        f"{three_digits(losses.total[one.row])}, mean {three_digits(known.mean())}"
    )
    estimates = known_estimates(event, [one.predicted])
    n_layers = 0 if one.attention is None else len(one.attention)
    with style():
        figure = new_page(2 * _SIDE + _COLUMN, _HEIGHT, event.title, remark, caption=_CAPTION)
        grid = figure.add_gridspec(1, 3, width_ratios=(_SIDE, _SIDE, _COLUMN))
        draw_sides(
            figure, [figure.add_subplot(grid[0, k]) for k in range(2)], event, estimates, geometry=geometry
        )
        column = grid[0, 2].subgridspec(n_layers + 1, 1, height_ratios=[_TEXT] + [1.0] * n_layers)
        _write(figure.add_subplot(column[0]), one, worst)
        if one.attention is not None:
            from xec_analysis.saliency.attention import draw_matrix

            high = float(one.attention.max())
            for layer, matrix in enumerate(one.attention):
                ax = figure.add_subplot(column[layer + 1])
                draw_matrix(ax, matrix, worst.tokens, high, size=6.0)
                ax.set_title(f"attention [%], fusion layer {layer + 1}")
                if layer < n_layers - 1:
                    ax.set_xticklabels([])
        draw_legend(figure, estimates)
        return save(figure, path)


def _write(ax: Axes, one: WorstEvent, worst: WorstEvents) -> None:
    ax.set_axis_off()
    lines = ["Loss in each task:" if worst.losses.parts else "Residuals:", *one.lines]
    if one.attention is None:
        lines += [note for note in worst.notes if "attention" in note]
    written = ax.text(0, 1, "\n".join(lines), transform=ax.transAxes, va="top", fontsize=8, parse_math=False)
    written.set(linespacing=1.4, in_layout=False)
