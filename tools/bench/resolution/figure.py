"""The figure of a study: every width against the minutes of training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from tools.bench.resolution.content import LEVELS, Content

from xec_analysis.style.figures import BLACK, CYCLE, new_page, save, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

_COLUMNS = 3
_LINES = ("-", "--", ":")
_MARKERS = "osD^v"
_NARROW = 4.0
"""Ratio of the limits below which more than 1, 2 and 5 are written."""

CAPTION = (
    "68 % widths of the test events against the minutes of training, one panel a quantity, both axes "
    "logarithmic; horizontal lines: the refined conventional reconstruction, and 25 % better. The learning "
    "rate falls until the end of the whole time, so that earlier points understate shorter trainings."
)


def draw(content: Content, stem: Path, kinds: Sequence[str] = ("pdf", "png")) -> list[Path]:
    """Draw the figure; returns its files, one of each kind."""
    names = list(content.quantities)
    rows = -(-len(names) // _COLUMNS)
    with style():
        page = new_page(
            10.0,
            2.6 * rows + 0.4,
            "Minutes until a network is as good as the conventional reconstruction",
            f"{content.events} test events; {content.machine.processor}. The learning rate falls until the "
            "end: shorter trainings do better than the points",
            caption=CAPTION,
        )
        axes = page.subplots(rows, _COLUMNS, squeeze=False)
        for ax, name in zip(axes.flat, names, strict=False):
            _draw_quantity(ax, content, name)
        for ax in axes.flat[len(names) :]:
            ax.set_visible(False)
        for ax in axes[-1]:
            ax.set_xlabel("training [min]")
        handles, labels = axes.flat[0].get_legend_handles_labels()
        page.legend(handles, labels, loc="outside lower center", ncols=len(labels))
        return [save(page, stem.with_name(f"{stem.name}.{kind}")) for kind in kinds]


def _draw_quantity(ax: Axes, content: Content, name: str) -> None:
    quantity = content.quantities[name]
    for training, colour, marker in zip(content.trainings, CYCLE, _MARKERS, strict=False):
        course = training.courses[name]
        values = [number.value for number in course.widths]
        errors = [number.error or 0.0 for number in course.widths]
        title = training.network.title
        ax.errorbar(course.minutes, values, errors, fmt=f"{marker}-", color=colour, label=title)
    for level, line in zip(LEVELS, _LINES, strict=False):
        width = level.factor * quantity.refined.value
        ax.axhline(width, color=BLACK, linestyle=line, linewidth=1.0, label=level.name)
    ax.set_xscale("log")
    ax.set_yscale("log")
    for axis in (ax.xaxis, ax.yaxis):
        _plain_numbers(axis)
    ax.set_ylabel(f"{name} [{quantity.unit}]")


def _plain_numbers(axis: Axis) -> None:
    low, high = axis.get_view_interval()
    narrow = high < _NARROW * low
    axis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9) if narrow else (1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
