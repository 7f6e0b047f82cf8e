"""Pictures of the unrolled detector; the only module that imports matplotlib (extra ``plot``)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from xec_geometry.detector import parameters as p
from xec_geometry.detector.faces import FACE_TABLE, face_ids, id_ranges
from xec_geometry.detector.names import FACES, FaceName
from xec_geometry.detector.sensors import sensor_kinds
from xec_geometry.detector.survey import SensorTable
from xec_geometry.display.unroll import unrolled_face_boxes, unrolled_positions
from xec_geometry.errors import GeometryError
from xec_geometry.support.arrays import FloatArray
from xec_geometry.support.output import atomic_output, check_writable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Colormap, Normalize

# SiPMs side by side make one image of a value; with lines between them they can be counted.
SIPM_SIDE = {"image": 1.54, "single": 1.36}

# Where a face's label stands: the corner of its box (x, y in 0…1), alignment, offset in points.
_LABELS: dict[FaceName, tuple[float, float, str, str, float]] = {
    "inner": (0.5, 1.0, "center", "bottom", 3),
    "us": (0.0, 1.0, "left", "bottom", 3),
    "ds": (1.0, 1.0, "right", "bottom", 3),
    "outer": (0.5, 1.0, "center", "bottom", 3),
    "top": (0.5, 1.0, "center", "bottom", 3),
    "bottom": (0.5, 0.0, "center", "top", -3),
}

# Faces on a white page, distinguishable also by colour-blind readers and in grey.
_FACE_COLORS: dict[FaceName, str] = {
    "inner": "#2a6fbb",
    "us": "#d8762b",
    "ds": "#2f9476",
    "outer": "#8459a8",
    "top": "#b8902a",
    "bottom": "#c24d77",
}


def draw_sensors(
    ax: Axes,
    values: npt.ArrayLike,
    *,
    cmap: str | Colormap = "viridis",
    norm: Normalize | None = None,
    vmin: float | None = None,
    vmax: float | None = None,
    missing: str = "0.93",
    labels: bool = True,
    label_size: float = 8.0,
    table: SensorTable | None = None,
) -> ScalarMappable:
    """Draw all sensors on the unrolled detector, coloured by a value each.

    Parameters
    ----------
    ax
        Matplotlib axes; they are scaled to the detector, and their frame is hidden.
    values
        (N_SENSORS,) what the colours mean. NaN and ±inf are drawn in the colour `missing`.
    cmap, norm, vmin, vmax
        As in matplotlib, shared by all faces; the range of the finite values by default.
    missing
        Colour of sensors without a value.
    labels
        Write the faces' names beside them.
    label_size
        Of these names, in points.
    table
        Where the sensors stand; nominal by default.

    Returns
    -------
    matplotlib.cm.ScalarMappable
        For a colour bar.

    Raises
    ------
    ValueError
        If there is not one value per sensor.
    GeometryError
        If matplotlib is not installed.
    """
    require_matplotlib()
    from matplotlib.colors import Normalize

    mappable, colors = color_sensors(values, norm or Normalize(vmin, vmax), cmap, missing)
    _draw(ax, colors, "image", table)
    if labels:
        _label(ax, {name: FACE_TABLE[name].title for name in FACES}, label_size)
    return mappable


def color_sensors(
    values: npt.ArrayLike, norm: Normalize, cmap: str | Colormap, missing: str = "none"
) -> tuple[ScalarMappable, FloatArray]:
    """Return the colours (N_SENSORS, 4) of values of all sensors, and what tells their meaning.

    Raises
    ------
    ValueError
        If there is not one value per sensor.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import to_rgba

    values = np.asarray(values, dtype=np.float64)
    if values.shape != (p.N_SENSORS,):
        raise ValueError(f"expected {p.N_SENSORS} values, one per sensor, found an array of {values.shape}")
    valid = np.isfinite(values)
    mappable = ScalarMappable(norm=norm, cmap=cmap)
    mappable.set_array(values[valid] if valid.any() else np.zeros(1))
    mappable.autoscale_None()
    colors = np.empty((len(values), 4))
    colors[:] = to_rgba(missing)
    colors[valid] = mappable.to_rgba(values[valid])
    return mappable, colors


def draw_faces(ax: Axes, table: SensorTable | None = None) -> None:
    """Draw all sensors, a colour per face, darker with growing sensor id, with the ids written beside."""
    require_matplotlib()
    from matplotlib.colors import to_rgb

    colors = np.ones((p.N_SENSORS, 4))
    for name, color in _FACE_COLORS.items():
        ids = face_ids(name)
        depth = np.linspace(0.35, 1.0, len(ids))[:, None]
        colors[ids, :3] = 1 - depth * (1 - np.array(to_rgb(color)))
    _draw(ax, colors, "single", table)
    _label(ax, {name: _describe(name) for name in FACES}, 8.0)
    _draw_axes_cross(ax)
    boxes = unrolled_face_boxes()
    x0, y1 = boxes["us"][0], boxes["top"][3]
    title = f"MEG II liquid xenon\n{p.N_SENSORS} sensors\nlight to dark:\ngrowing sensor id"
    ax.text(x0, y1, title, ha="left", va="top", fontsize=9, linespacing=1.5, color="0.15")


def save_picture(path: str | Path, table: SensorTable | None = None) -> Path:
    """Write a picture of the unrolled detector; the suffix of `path` tells the format.

    Raises
    ------
    GeometryError
        If matplotlib is not installed, or does not know the format.
    OutputError
        If the file cannot be written.
    """
    require_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    path = check_writable(path)
    figure = Figure(figsize=(11.0, 10.2), layout="constrained")
    formats = FigureCanvasAgg(figure).get_supported_filetypes()
    suffix = path.suffix.lstrip(".").lower()
    if suffix not in formats:
        raise GeometryError(f"cannot draw {path}: expected a name that ends in one of {', '.join(formats)}")
    draw_faces(figure.subplots(), table)
    with atomic_output(path) as temporary:
        figure.savefig(temporary, dpi=200, format=suffix)
    return path


def require_matplotlib() -> None:
    """Check that matplotlib is installed.

    Raises
    ------
    GeometryError
        If it is not; the message says how to install it.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise GeometryError("pictures need matplotlib: pip install 'xec-geometry[plot]'") from None


def _draw(ax: Axes, colors: FloatArray, sipms: str, table: SensorTable | None) -> None:
    from matplotlib.collections import EllipseCollection, PolyCollection

    places, squares = unrolled_positions(table), sensor_kinds() == "SiPM"
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * SIPM_SIDE[sipms] / 2
    ax.add_collection(
        # Without snapping to pixels, which would make the lines between SiPMs uneven.
        PolyCollection(
            places[squares][:, None] + corners, facecolors=colors[squares], linewidths=0, snap=False
        )
    )
    size = np.full(int((~squares).sum()), 2 * p.PMT_RADIUS)
    circles: dict[str, Any] = {
        "units": "xy",
        "offsets": places[~squares],
        "offset_transform": ax.transData,
        "facecolors": colors[~squares],
        "edgecolors": "0.45",
        "linewidths": 0.3,
    }
    ax.add_collection(EllipseCollection(size, size, np.zeros_like(size), **circles))
    _frame(ax)


def _frame(ax: Axes) -> None:
    from matplotlib.patches import Rectangle

    boxes = np.array(list(unrolled_face_boxes().values()))
    for x0, x1, y0, y1 in boxes:
        ax.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor="0.6", linewidth=0.6))
    room = 8.0
    ax.set_xlim(boxes[:, 0].min() - 2, boxes[:, 1].max() + 2)
    ax.set_ylim(boxes[:, 2].min() - room, boxes[:, 3].max() + room)
    ax.set_aspect("equal")
    ax.set_axis_off()


def _label(ax: Axes, texts: dict[str, str], size: float) -> None:
    for name, (x0, x1, y0, y1) in unrolled_face_boxes().items():
        right, up, horizontal, vertical, offset = _LABELS[name]
        ax.annotate(
            texts[name],
            (x0 + right * (x1 - x0), y0 + up * (y1 - y0)),
            (0, offset),
            textcoords="offset points",
            ha=horizontal,
            va=vertical,
            fontsize=size,
            color="0.15",
        )


def _describe(name: FaceName) -> str:
    ids = face_ids(name)
    return f"{FACE_TABLE[name].title}: {len(ids)} {FACE_TABLE[name].kind}s\n{id_ranges(ids)}"


def _draw_axes_cross(ax: Axes) -> None:
    """Draw the directions of z and v, and a scale, into the free corner below the upstream face."""
    boxes = unrolled_face_boxes()
    x, y, length = boxes["us"][0] + 4, boxes["bottom"][2] + 4, 20.0
    arrow = {"arrowstyle": "-|>", "color": "0.25", "lw": 1.0, "shrinkA": 0, "shrinkB": 0}
    for dx, dy, text, ha, va in ((length, 0, "z", "left", "center"), (0, length, "v", "center", "bottom")):
        ax.annotate("", (x + dx, y + dy), (x, y), arrowprops=arrow)
        ax.text(x + 1.06 * dx, y + 1.06 * dy, text, ha=ha, va=va, fontsize=9, style="italic", color="0.25")
    ax.text(x + length / 2, y - 1.5, f"{length:.0f} cm", ha="center", va="top", fontsize=8, color="0.25")
