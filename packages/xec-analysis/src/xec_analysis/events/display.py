"""The display of an event: photons and times of all sensors, on the unrolled detector or in space."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xec_analysis.events.closeup import draw_closeup
from xec_analysis.events.estimate import Estimate
from xec_analysis.events.event import Event
from xec_analysis.events.event_file import EventFile
from xec_analysis.events.marks import draw_legend, mark_in_space, mark_on_faces
from xec_analysis.events.panels import Panel, Scale, photon_panel, time_panel
from xec_analysis.events.predictions import PredictionFile
from xec_analysis.style.figures import check_format, new_page, save, style
from xec_geometry import SensorTable, load_geometry
from xec_geometry.detector.geometry_file import NOMINAL, geometry_files
from xec_geometry.support.output import check_output

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NO_READING = "0.78"
# Of the darkest sensor in space, and how slowly sensors appear with growing brightness.
_FAINTEST, _FAINT_POWER = 0.06, 1.5


def display_event(
    file: EventFile,
    output: Path | None = None,
    *,
    entry: int | None = None,
    event_number: int | None = None,
    run: int | None = None,
    compare: Path | None = None,
    scale: Scale = "log",
    in_space: bool = False,
    geometry: str = NOMINAL,
    force: bool = True,
) -> tuple[Path, Event, list[Estimate]]:
    """Find an event in a file and draw it.

    Parameters
    ----------
    file
        The file.
    output
        The picture; by default `<file>_<entry>.pdf` in the current folder.
    entry, event_number, run
        Which event, as for `EventFile.entry_of`.
    compare
        A run or file with predictions of the event, marked beside its truth.
    scale
        Of the photons' colours.
    in_space
        Draw the sensors in space instead of unrolled.
    geometry
        Where the sensors are drawn, as for `xec_geometry.load_geometry`.
    force
        Whether an existing picture may be replaced.

    Returns
    -------
    Path
        The file written.
    Event
        The event drawn.
    list of Estimate
        What is known of it, predictions included.

    Raises
    ------
    AnalysisError
        If not exactly one of `entry` and `event_number` is given, or there is no such event, or no single
        prediction of it.
    DataError, OutputError
        If a file cannot be read, or the picture cannot be written.
    """
    entry = file.entry_of(entry, event_number, run)
    picture = output if output is not None else Path(f"{file.path.stem}_{entry}.pdf")
    check_format(picture)
    predictions = None if compare is None else PredictionFile(compare)
    inputs = [file.path, *geometry_files(geometry), *([predictions.source] if predictions else [])]
    check_output(picture, inputs=inputs, force=force)
    table = load_geometry(geometry)
    event = file.read(entry)
    predicted = predictions.of(event) if predictions else []
    draw = draw_event_in_space if in_space else draw_event
    drawn = draw(event, picture, predicted=predicted, scale=scale, geometry=table)
    return drawn, event, list(known_estimates(event, predicted))


def draw_event(
    event: Event,
    path: Path,
    *,
    predicted: Sequence[Estimate] = (),
    scale: Scale = "log",
    remark: str = "",
    geometry: SensorTable | None = None,
) -> Path:
    """Draw an event on the unrolled detector into a file.

    Truth, conventional reconstruction and predictions are listed below and marked on the inner face. Sensors
    without photons are hatched.

    Parameters
    ----------
    event
        The event.
    path
        The picture; its suffix gives the format.
    predicted
        Predictions to list and mark.
    scale
        Of the photons' colours.
    remark
        A second line for the header.
    geometry
        Where the sensors are drawn; in their nominal places by default.

    Returns
    -------
    Path
        The file written.
    """
    estimates = known_estimates(event, predicted)
    with style():
        figure = new_page(13.2, 6.6, event.title, remark)
        draw_sides(figure, figure.subplots(1, 2), event, estimates, scale=scale, geometry=geometry)
        draw_legend(figure, estimates)
        return save(figure, path)


def draw_sides(
    figure: Figure,
    axes: Sequence[Axes],
    event: Event,
    estimates: Sequence[Estimate],
    *,
    scale: Scale = "log",
    geometry: SensorTable | None = None,
) -> None:
    """Draw photons and times side by side into two axes, with marks of some estimates."""
    for ax, panel in zip(axes, (photon_panel(event, scale), time_panel(event)), strict=True):
        draw_panel(figure, ax, panel, event, geometry)
        mark_on_faces(ax, estimates)
        draw_closeup(ax, panel, event.dead, estimates)


def draw_panel(figure: Figure, ax: Axes, panel: Panel, event: Event, geometry: SensorTable | None) -> None:
    """Draw the values of an event on the unrolled detector, with a colour bar; dead sensors are hatched."""
    from xec_geometry.display.hatching import hatch_sensors
    from xec_geometry.display.picture import draw_sensors

    mappable = draw_sensors(
        ax, panel.shown, cmap=panel.cmap, norm=panel.norm, missing=_NO_READING, table=geometry
    )
    hatch_sensors(ax, event.dead, geometry)
    bar: dict[str, Any] = {"shrink": 0.75, "pad": 0.01, "aspect": 30}
    figure.colorbar(mappable, ax=ax, label=panel.label, extend=panel.extend, **bar)
    n_dead = int(event.dead.sum())
    left_out = [f"hatched: {n_dead} dead"] * bool(n_dead) + [f"grey: {panel.n_without} without"] * bool(
        panel.n_without
    )
    ax.set_title(panel.title + (f" ({', '.join(left_out)})" if left_out else ""))


def draw_event_in_space(
    event: Event,
    path: Path,
    *,
    predicted: Sequence[Estimate] = (),
    scale: Scale = "log",
    remark: str = "",
    geometry: SensorTable | None = None,
) -> Path:
    """Draw an event in space into a file, the detector seen from the target; parameters as `draw_event`.

    Sensors are the more transparent the fewer photons they have; times are there where photons are.
    """
    from xec_geometry.display.space import draw_in_space

    estimates = known_estimates(event, predicted)
    photons = photon_panel(event, scale)
    lit = np.nan_to_num(np.ma.filled(photons.norm(photons.shown), 0.0)).clip(0.0, 1.0)
    opacity = _FAINTEST + (1 - _FAINTEST) * lit**_FAINT_POWER
    with style():
        figure = new_page(13.2, 6.6, event.title, remark)
        for column, panel in enumerate((photons, time_panel(event)), start=1):
            ax: Any = figure.add_subplot(1, 2, column, projection="3d", computed_zorder=False)
            mappable = draw_in_space(
                ax,
                panel.shown,
                norm=panel.norm,
                cmap=panel.cmap,
                opacity=opacity,
                hatched=event.dead,
                table=geometry,
            )
            figure.colorbar(
                mappable, ax=ax, label=panel.label, extend=panel.extend, shrink=0.6, pad=0.08, aspect=30
            )
            n_dead = int(event.dead.sum())
            ax.set_title(panel.title + (f" (crossed: {n_dead} dead)" if n_dead else ""))
            mark_in_space(ax, estimates)
        draw_legend(figure, estimates)
        return save(figure, path)


def known_estimates(event: Event, predicted: Sequence[Estimate] = ()) -> list[Estimate]:
    """Return truth, conventional reconstruction and predictions of an event, as far as there are values."""
    return [estimate for estimate in (event.truth, event.conventional, *predicted) if estimate.is_known]
