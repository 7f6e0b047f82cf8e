"""The display of an event on the unrolled detector: photons and times of all sensors, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xec_analysis.errors import AnalysisError
from xec_analysis.events.event import Event, find_event, read_event
from xec_analysis.style.figures import (
    NPHO_MAP,
    ORANGE,
    TIME_MAP,
    WHITE,
    check_format,
    new_page,
    save,
    style,
)
from xec_data.schema.branches import NPHO_BRANCH, TIME_BRANCH, TREE_NAME
from xec_geometry import SensorTable, load_geometry
from xec_geometry.detector.geometry_file import NOMINAL, geometry_files
from xec_geometry.support.output import check_output

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

# Photon counts span orders of magnitude; smaller ones would only waste the range of colours.
_DECADES = 3.5
_NO_READING = "0.78"


def display_event(
    file: Path,
    output: Path | None = None,
    *,
    entry: int | None = None,
    event_number: int | None = None,
    run: int | None = None,
    tree_name: str = TREE_NAME,
    npho_branch: str = NPHO_BRANCH,
    time_branch: str = TIME_BRANCH,
    geometry: str = NOMINAL,
    force: bool = True,
) -> tuple[Path, Event]:
    """Find an event in a file and draw it.

    Parameters
    ----------
    file
        A ROOT file with `npho` and times.
    output
        The picture; by default `<file>_<entry>.pdf` in the current folder.
    entry
        Entry of the tree; negative numbers count from the end.
    event_number, run
        Number of the event instead, and its run if several runs have that number.
    tree_name, npho_branch, time_branch
        Names in the file.
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

    Raises
    ------
    AnalysisError
        If not exactly one of `entry` and `event_number` is given, or there is no such event.
    DataError, OutputError
        If the file cannot be read, or the picture cannot be written.
    """
    if (entry is None) == (event_number is None):
        raise AnalysisError(f"which event of {file}? expected either an entry (EVENT) or --event-number")
    if run is not None and event_number is None:
        raise AnalysisError("--run belongs to --event-number; an entry needs no run")
    if event_number is not None:
        entry = find_event(file, event_number, run, tree_name=tree_name)
    assert entry is not None
    picture = output if output is not None else Path(f"{file.stem}_{entry}.pdf")
    check_format(picture)
    check_output(picture, inputs=[file, *geometry_files(geometry)], force=force)
    table = load_geometry(geometry)
    event = read_event(file, entry, tree_name=tree_name, npho_branch=npho_branch, time_branch=time_branch)
    return draw_event(event, picture, geometry=table), event


def draw_event(
    event: Event,
    path: Path,
    *,
    predicted_uvw: Floats | None = None,
    remark: str = "",
    geometry: SensorTable | None = None,
) -> Path:
    """Draw an event into a file.

    Parameters
    ----------
    event
        The event.
    path
        The picture; its suffix gives the format.
    predicted_uvw
        A reconstructed first interaction point to mark beside the true one, in cm.
    remark
        A second line for the header.
    geometry
        Where the sensors are drawn; in their nominal places by default.

    Returns
    -------
    Path
        The file written.
    """
    with style():
        figure = new_page(13.2, 6.6, event.title, remark)
        axes = figure.subplots(1, 2)
        _draw_npho(figure, axes[0], event, geometry)
        _draw_time(figure, axes[1], event, geometry)
        for ax in axes:
            _mark_points(ax, event.true_uvw, predicted_uvw)
        return save(figure, path)


def _draw_npho(figure: Figure, ax: Axes, event: Event, geometry: SensorTable | None) -> None:
    from matplotlib.colors import LogNorm

    valid = event.npho[np.isfinite(event.npho)]
    top = max(float(valid.max(initial=0.0)), 10.0)
    bottom = max(top / 10**_DECADES, 1.0)
    shown = np.where(np.isfinite(event.npho), np.maximum(event.npho, bottom), np.nan)
    _draw_values(figure, ax, shown, "photons", NPHO_MAP, LogNorm(bottom, top), "min", geometry)
    ax.set_title(
        f"Photons: {valid.sum():,.0f} in {len(valid)} sensors{_count_without(event.npho)}".replace(",", " ")
    )


def _draw_time(figure: Figure, ax: Axes, event: Event, geometry: SensorTable | None) -> None:
    from matplotlib.colors import Normalize

    time = event.time * 1e9
    valid = time[np.isfinite(time)]
    # A few late sensors would take all the colours.
    low, high = np.percentile(valid, [0.5, 97.0]) if len(valid) else (0.0, 1.0)
    norm = Normalize(low, max(high, low + 0.1))
    _draw_values(figure, ax, time, "time [ns]", TIME_MAP, norm, "both", geometry)
    ax.set_title(f"Times: {len(valid)} sensors{_count_without(event.time)}")


def _draw_values(
    figure: Figure,
    ax: Axes,
    values: Floats,
    label: str,
    cmap: str,
    norm: Any,
    extend: str,
    geometry: SensorTable | None,
) -> None:
    from xec_geometry.display.picture import draw_sensors

    mappable = draw_sensors(ax, values, cmap=cmap, norm=norm, missing=_NO_READING, table=geometry)
    figure.colorbar(mappable, ax=ax, label=label, extend=extend, shrink=0.75, pad=0.01, aspect=30)


def _count_without(values: Floats) -> str:
    number = int((~np.isfinite(values)).sum())
    return f" (grey: {number} without)" if number else ""


def _mark_points(ax: Axes, truth: Floats | None, prediction: Floats | None) -> None:
    """Mark points on the inner face, whose unrolled coordinates are u and v."""
    from matplotlib.patheffects import withStroke

    marks = ((truth, "+", "true first interaction"), (prediction, "x", "predicted"))
    shown = False
    for point, marker, label in marks:
        if point is None or not np.isfinite(point).all():
            continue
        shown = True
        outline = [withStroke(linewidth=3.2, foreground=WHITE)]
        shape: dict[str, Any] = {"marker": marker, "ms": 11, "mew": 1.6, "color": ORANGE}
        ax.plot(*point[:2], ls="none", label=label, path_effects=outline, **shape)
    if shown:
        ax.legend(loc="lower right", handletextpad=0.2, borderaxespad=0.1)
