"""The comparison of runs and predictions in one PDF: differences, curves, configurations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xec_analysis.comparison.configuration import Difference, as_rows
from xec_analysis.comparison.lineage import Lineage
from xec_analysis.comparison.metrics import MetricComparison
from xec_analysis.errors import AnalysisError
from xec_analysis.resolution.digits import with_error
from xec_analysis.runs.run_comparison import common_panels, draw_panel, line_styles
from xec_analysis.style.figures import BLACK, CYCLE, GREY, new_page, style
from xec_geometry.support.output import atomic_output
from xec_geometry.support.text import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 11.0, 5.7

_MARKERS = "osD^vPX"
_PANELS, _COLUMNS = 6, 3
_METRICS = 10
_LINES = 24
# A legend of more leaves no room for the panels.
_MOST_DRAWN = 12


def draw_comparison(
    path: Path,
    title: str,
    subtitle: str,
    metrics: Sequence[MetricComparison],
    *,
    lineages: Sequence[Lineage] = (),
    differences: Sequence[Difference] = (),
    labels: Sequence[str] = (),
    ranks: Mapping[str, float] | None = None,
) -> Path:
    """Draw a comparison into one PDF.

    Parameters
    ----------
    path
        The PDF.
    title, subtitle
        For the headers of its pages.
    metrics
        From `compare_metrics`.
    lineages
        Curves of the trainings; no page about them without.
    differences, labels
        What differs, and the names of the runs; no page about it without.
    ranks
        From `mean_ranks`: of many members the reference and the best ones are drawn.

    Returns
    -------
    Path
        The file written.
    """
    from matplotlib.backends.backend_pdf import PdfPages

    everyone = [standing.label for standing in metrics[0].standings]
    drawn = _drawn(everyone, ranks or {})
    key = "" if len(drawn) == len(everyone) else f"the reference and the best {len(drawn) - 1}"
    metrics = [
        replace(metric, standings=tuple(x for x in metric.standings if x.label in drawn))
        for metric in metrics
    ]
    lineages = [lineage for lineage in lineages if lineage.runs[-1].label in drawn]

    # Without a date the same comparison gives the same file.
    with (
        style(),
        atomic_output(path) as temporary,
        PdfPages(temporary, metadata={"CreationDate": None}) as pdf,
    ):
        for figure in _difference_pages(metrics, title, subtitle, key):
            pdf.savefig(figure)
        for figure in _curve_pages(lineages, drawn, title, subtitle, key):
            pdf.savefig(figure)
        for figure in _configuration_pages(differences, labels, title, subtitle):
            pdf.savefig(figure)
    return path


def _drawn(labels: Sequence[str], ranks: Mapping[str, float]) -> list[str]:
    """Return the reference and the best of the others, in the order of the labels."""
    best = sorted(labels[1:], key=lambda label: ranks.get(label, np.inf))[: _MOST_DRAWN - 1]
    return [label for label in labels if label == labels[0] or label in best]


def _difference_pages(
    metrics: Sequence[MetricComparison], title: str, subtitle: str, key: str
) -> Iterator[Figure]:
    shown = [metric for metric in metrics if not metric.is_loss]
    if not any(standing.difference is not None for metric in shown for standing in metric.standings):
        return
    first = shown[0].standings[0].label
    for start in range(0, len(shown), _METRICS):
        part = shown[start : start + _METRICS]
        page = new_page(WIDTH, HEIGHT, f"{title}: differences from {first}", subtitle, key)
        ax = page.subplots()
        _draw_differences(ax, part)
        yield page


def _draw_differences(ax: Axes, metrics: Sequence[MetricComparison]) -> None:
    labels = [standing.label for standing in metrics[0].standings]
    styles = dict(zip(labels, line_styles(), strict=False))
    n_others = max(len(labels) - 1, 1)
    ax.axvline(0.0, color=BLACK, lw=0.8)
    for row, metric in enumerate(metrics):
        for k, standing in enumerate(metric.standings[1:]):
            difference = standing.difference
            if difference is None:
                continue
            place = row + (k - (n_others - 1) / 2) * min(0.8 / n_others, 0.25)
            ax.errorbar(
                difference.value,
                place,
                xerr=difference.error or None,
                color=styles[standing.label][0],
                marker=_MARKERS[(k + 1) // len(CYCLE) % len(_MARKERS)],
                ms=5,
                capsize=2.5,
                label=standing.label if row == 0 else None,
                mfc=None if standing.n_matched or not difference.error else "white",
            )
    names = []
    for metric in metrics:
        value = with_error(metric.standings[0].value)
        names.append(f"{metric.panel.label}\n{metric.standings[0].label}: {value}")
    ax.set_yticks(range(len(metrics)), names)
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(len(metrics) - 0.5, -0.5)
    for row in range(1, len(metrics)):
        ax.axhline(row - 0.5, color=GREY, lw=0.4)
    low, high = ax.get_xlim()
    reach = max(abs(low), abs(high))
    ax.set_xlim(-reach, reach)
    rising = {metric.panel.rising for metric in metrics}
    better = "" if len(rising) > 1 else "  (right: better)" if True in rising else "  (left: better)"
    ax.set_xlabel(f"difference from {labels[0]} [%]{better}")
    handles, names = ax.get_legend_handles_labels()
    if names:
        ax.legend(handles, names, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _curve_pages(
    lineages: Sequence[Lineage], labels: Sequence[str], title: str, subtitle: str, key: str
) -> Iterator[Figure]:
    if not lineages:
        return
    by_label = {lineage.label: lineage for lineage in lineages}
    of_runs = dict(zip(labels, line_styles(), strict=False))
    styles = [of_runs[lineage.runs[-1].label] for lineage in lineages]
    panels = common_panels({label: lineage.curves for label, lineage in by_label.items()})
    for start in range(0, len(panels), _PANELS):
        part = panels[start : start + _PANELS]
        page = new_page(WIDTH, HEIGHT, f"{title}: curves of the validation", subtitle, key)
        n_rows = -(-len(part) // _COLUMNS)
        axes = page.subplots(n_rows, min(len(part), _COLUMNS), squeeze=False).ravel()
        for ax, (panel, name) in zip(axes, part, strict=False):
            curves = {label: lineage.curves[name] for label, lineage in by_label.items()}
            draw_panel(ax, panel, curves, styles, from_zero=False)
            for lineage, (colour, _) in zip(lineages, styles, strict=True):
                for seam in lineage.seams:
                    ax.axvline(seam + 0.5, color=colour, lw=0.8, ls=":")
        for ax in axes[len(part) :]:
            ax.set_visible(False)
        handles, names = axes[0].get_legend_handles_labels()
        page.legend(handles, names, loc="outside lower center", ncols=min(len(names), 4))
        yield page


def _configuration_pages(
    differences: Sequence[Difference], labels: Sequence[str], title: str, subtitle: str
) -> Iterator[Figure]:
    # What does not fit beside the keys is in the terminal.
    header, rows = as_rows(differences, labels)
    columns = len(header)
    room = max(int(150 / (columns + 0.6)), 8)
    cut = [[shortened(cell, room) for cell in row] for row in rows]
    for start in range(0, len(cut), _LINES):
        page = new_page(WIDTH, HEIGHT, f"{title}: what differs", subtitle)
        ax = page.subplots()
        ax.set_axis_off()
        part = cut[start : start + _LINES]
        places = np.linspace(0.0, 1.0, columns + 1)[:-1]
        for column, heading in enumerate(["", *header[1:]]):
            ax.text(places[column], 1.0, heading, weight="bold", va="top", parse_math=False)
        for k, row in enumerate(part, start=1):
            for column, cell in enumerate(row):
                ax.text(
                    places[column],
                    1.0 - k / (_LINES + 1),
                    cell,
                    va="top",
                    fontsize=8.0,
                    color=BLACK if column else GREY,
                    parse_math=False,
                )
        yield page


def check_pdf(path: Path) -> Path:
    """Return the name of a PDF to draw; raise an `AnalysisError` if it is that of another file."""
    if path.suffix != ".pdf":
        raise AnalysisError(f"cannot draw {path}: expected the name of a .pdf file")
    return path
