"""The table of plot sets: what each needs, its numbers and its plots."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xec_analysis.errors import AnalysisError
from xec_analysis.plots.source import Content, PlotSource
from xec_geometry.support.output import make_folder
from xec_geometry.support.registry import Registry

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True)
class PlotSet:
    """Plots that belong together.

    Attributes
    ----------
    name
        Name in the table.
    needs
        Contents without which it cannot be drawn.
    draw
        Takes a source, a folder that may not exist yet, and a format (pdf, png, svg); returns the files.
    numbers
        Takes a source; yields the tables and notes for the terminal. None: there are none.
    meaning
        A few sentences for readers of a report who do not know the plots.
    in_report
        As `numbers`, for a report, which has the figures of merit in a table of its own. None: `numbers`.
    """

    name: str
    needs: frozenset[Content]
    draw: Callable[[PlotSource, Path, str], list[Path]]
    numbers: Callable[[PlotSource], Iterator[RenderableType]] | None = None
    meaning: str = ""
    in_report: Callable[[PlotSource], Iterator[RenderableType]] | None = None


def plot_sets_of(source: PlotSource) -> list[PlotSet]:
    """Return the plot sets whose needs a source meets."""
    return [plot_set for plot_set in PLOT_SETS.values() if plot_set.needs <= source.contents]


def print_numbers(source: PlotSource) -> Iterator[RenderableType]:
    """Yield the tables and notes of a source, for a rich console."""
    for plot_set in plot_sets_of(source):
        if plot_set.numbers is not None:
            yield from plot_set.numbers(source)
    shown = {Content.PREDICTIONS, Content.COMPARISON, Content.RECONSTRUCTION, Content.LINES}
    if source.run is not None and not shown & source.contents:
        yield f"note: no {source.run.reconstruction.name} in this run; checkpoint.save_predictions writes it"


def draw_plots(source: PlotSource, folder: Path | None = None, kind: str = "pdf") -> list[Path]:
    """Draw all plots of a source.

    Parameters
    ----------
    source
        A run directory or file.
    folder
        Folder for the files; by default `PlotSource.default_folder`.
    kind
        Format: pdf, png or svg.

    Returns
    -------
    list of Path
        The files written.
    """
    target = folder if folder is not None else source.default_folder
    return [path for plot_set in plot_sets_of(source) for path in plot_set.draw(source, target, kind)]


def _draw_resolution(source: PlotSource, folder: Path, kind: str) -> list[Path]:
    from xec_analysis.resolution.pages import draw_pages

    results = source.results
    target = make_folder(folder)
    return [path for part in results for path in draw_pages(part, target, kind)]


def _resolution_numbers(source: PlotSource) -> Iterator[RenderableType]:
    from xec_analysis.resolution.table import metrics_table

    for estimate, results in source.network_estimates.items():
        yield metrics_table(results, source.metrics.of_estimate(estimate))
    yield from _resolution_details(source)


def _resolution_details(source: PlotSource) -> Iterator[RenderableType]:
    from xec_analysis.resolution.confusion import class_table
    from xec_analysis.resolution.table import census

    for results in source.network_estimates.values():
        yield from (class_table(result) for result in results.tasks.values() if result.spec.n_classes)
        for line in census(results):
            yield f"note: {line}"
    for line in source.loaded.notes:
        yield f"note: {line}"


def _draw_comparison(source: PlotSource, folder: Path, kind: str) -> list[Path]:
    from xec_analysis.resolution.spectra_page import draw_spectra_page

    paths = _draw_resolution(source, folder, kind)
    spectra = [
        path
        for results in source.results
        for path in draw_spectra_page(results, folder / f"comparison_spectra_{results.name}.{kind}")
    ]
    return paths + spectra


def _write_metrics(source: PlotSource, folder: Path, _kind: str) -> list[Path]:
    from xec_analysis.metrics.files import write_metrics

    metrics = source.metrics
    # A folder has one run, but may have the plots of several files.
    name = "metrics" if source.run is not None else f"metrics_{metrics.name}"
    return write_metrics(metrics, make_folder(folder) / name)


def _draw_reconstruction(source: PlotSource, folder: Path, kind: str) -> list[Path]:
    from xec_analysis.reconstruction.pages import draw_reconstruction

    reconstruction = source.reconstruction
    return draw_reconstruction(reconstruction, make_folder(folder), kind)


def _reconstruction_numbers(source: PlotSource) -> Iterator[RenderableType]:
    from xec_analysis.inpainting.numbers import by_face, numbers_tables

    reconstruction = source.reconstruction
    for title, table in numbers_tables(by_face(reconstruction.readings())):
        yield f"{reconstruction.name}, hidden sensors of {len(reconstruction)} events: {title}"
        yield table


def _draw_training_curves(source: PlotSource, folder: Path, kind: str) -> list[Path]:
    from xec_analysis.runs.training_curves import draw_training_curves

    assert source.run is not None
    path = make_folder(folder) / f"training_curves_{source.run.name}.{kind}"
    return draw_training_curves(source.run, path)


def _draw_worst_events(source: PlotSource, folder: Path, kind: str) -> list[Path]:
    from xec_analysis.events.worst_page import draw_worst_event

    run, worst = source.run, source.worst_events
    assert run is not None
    paths = []
    for one in worst.events:
        name = run.event_display(one.number).with_suffix(f".{kind}").name
        paths.append(draw_worst_event(worst, one, make_folder(folder) / name, source.geometry))
    return paths


def _worst_event_numbers(source: PlotSource) -> Iterator[RenderableType]:
    from xec_analysis.events.worst_table import worst_events_table

    worst = source.worst_events
    if worst.events:
        yield f"Worst events by the {worst.losses.meaning}:"
        yield worst_events_table(worst)
    for line in worst.notes:
        yield f"note: {line}"


def _draw_lines(source: PlotSource, folder: Path, kind: str) -> list[Path]:
    from xec_analysis.calibration.pages import draw_lines
    from xec_analysis.calibration.table import write_tables

    lines = source.measured_lines
    target = make_folder(folder)
    return draw_lines(lines, target, kind) + write_tables(lines, target / f"lines_{lines[0].events.name}")


def _line_numbers(source: PlotSource) -> Iterator[RenderableType]:
    from xec_analysis.calibration.table import lines_tables

    yield from lines_tables(source.measured_lines)


def _draw_saliency(source: PlotSource, folder: Path, kind: str) -> list[Path]:
    from xec_analysis.saliency.pages import draw_saliency

    assert source.run is not None
    return draw_saliency(source.saliency, source.run.name, make_folder(folder), kind)


def _saliency_numbers(source: PlotSource) -> Iterator[RenderableType]:
    from xec_analysis.saliency.table import saliency_tables

    yield from saliency_tables(source.saliency)


PLOT_SETS = Registry(
    "plot set",
    (
        # Before anything is drawn: a variable of bins may not be there.
        PlotSet("metrics", frozenset({Content.PREDICTIONS}), _write_metrics),
        PlotSet("metrics of a comparison", frozenset({Content.COMPARISON}), _write_metrics),
        PlotSet(
            "resolution",
            frozenset({Content.PREDICTIONS}),
            _draw_resolution,
            _resolution_numbers,
            "How far predictions are from the truth, task by task, and how that depends on where the photon "
            "came in and on its energy.",
            _resolution_details,
        ),
        PlotSet(
            "comparison",
            frozenset({Content.COMPARISON}),
            _draw_comparison,
            _resolution_numbers,
            "Predictions beside the conventional reconstruction of the same events. A width holds the errors "
            "of both.",
            _resolution_details,
        ),
        PlotSet(
            "reconstruction",
            frozenset({Content.RECONSTRUCTION}),
            _draw_reconstruction,
            _reconstruction_numbers,
            "Some sensors were hidden from the network, which tells what they read. Their readings are known "
            "and show how well it does.",
        ),
        PlotSet(
            "training curves",
            frozenset({Content.METRICS}),
            _draw_training_curves,
            meaning="Loss, learning rate and resolution after every epoch. Nothing is learned from the "
            "validation: where its loss rises and that of the training falls, the network learns by heart.",
        ),
        PlotSet(
            "worst events",
            frozenset({Content.PREDICTIONS, Content.EVENTS}),
            _draw_worst_events,
            _worst_event_numbers,
            "Events that the network is most wrong about: often two photons, one at the edge, or "
            "one whose energy leaked out. Photons of all sensors on the unrolled detector left, times right.",
        ),
        PlotSet(
            "saliency",
            frozenset({Content.SALIENCY}),
            _draw_saliency,
            _saliency_numbers,
            "Which readings the outputs of the network follow.",
        ),
        PlotSet(
            "calibration lines",
            frozenset({Content.LINES}),
            _draw_lines,
            _line_numbers,
            "Photons of one energy: fitted peak and width.",
        ),
    ),
    group="xec.plot_sets",
    error=AnalysisError,
)
"""Plot sets by name, in the order in which they are drawn."""
