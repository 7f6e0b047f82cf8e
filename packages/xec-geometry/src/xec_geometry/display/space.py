"""The sensors in space, seen from the target; needs matplotlib (extra ``plot``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from xec_geometry.detector import parameters as p
from xec_geometry.detector.sensors import sensor_kinds
from xec_geometry.detector.survey import SensorTable, nominal_table
from xec_geometry.display.picture import SIPM_SIDE, color_sensors, require_matplotlib
from xec_geometry.support.arrays import FloatArray

if TYPE_CHECKING:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Colormap, Normalize
    from mpl_toolkits.mplot3d.axes3d import Axes3D

VIEW = {"elev": 18.0, "azim": 55.0}
"""From above and beside the target: the inner face in front, the outer one seen through it."""

_DISC_CORNERS = 14


def draw_in_space(
    ax: Axes3D,
    values: npt.ArrayLike,
    *,
    norm: Normalize,
    cmap: str | Colormap = "viridis",
    hatched: npt.ArrayLike | None = None,
    opacity: npt.ArrayLike = 1.0,
    table: SensorTable | None = None,
) -> ScalarMappable:
    """Draw all sensors as squares and discs in space, coloured by a value each.

    Parameters
    ----------
    ax
        Axes with ``projection="3d"``; axes are z (along the beam), x and y in cm.
    values
        (N_SENSORS,) what the colours mean; sensors without a finite value are left out.
    norm, cmap
        As in matplotlib.
    hatched
        (N_SENSORS,) bool, sensors drawn as an empty frame with a cross.
    opacity
        (N_SENSORS,) from 0 to 1: light on the faces behind shows through sensors that are hardly there.
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
    from mpl_toolkits.mplot3d.art3d import Line3DCollection, Poly3DCollection

    mappable, colors = color_sensors(values, norm, cmap)
    colors[:, 3] = opacity
    valid = np.isfinite(np.asarray(values, dtype=np.float64))
    outlines = sensor_outlines(table)
    squares = sensor_kinds() == "SiPM"
    # Polygons of one kind at a time: matplotlib takes its limits from padded arrays of corners.
    for kind in (squares, ~squares):
        shown = np.flatnonzero(valid & kind)
        if len(shown):
            corners = np.array([outlines[i] for i in shown])
            ax.add_collection3d(Poly3DCollection(list(corners), facecolors=colors[shown], linewidths=0))
    if hatched is not None and np.any(hatched):
        lines = [line for i in np.flatnonzero(hatched) for line in _crossed(outlines[i])]
        ax.add_collection3d(Line3DCollection(lines, colors="0.35", linewidths=0.35))
    _frame(ax)
    return mappable


def sensor_outlines(table: SensorTable | None = None) -> list[FloatArray]:
    """Return the outline of every sensor in space.

    Parameters
    ----------
    table
        Where the sensors stand; nominal by default.

    Returns
    -------
    list of numpy.ndarray
        (corners, 3) for each sensor, in cm, in the order (z, x, y) of the picture's axes; a SiPM has four
        corners, a PMT is a polygon in place of a disc.
    """
    where = nominal_table() if table is None else table
    normals = where.normals
    # Two directions in the plane of each sensor; a face along the beam lies flat with z as one of them.
    beam = np.array([0.0, 0.0, 1.0])
    first = beam - normals * normals[:, 2:]
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(normals, first)
    turn = np.linspace(0, 2 * np.pi, _DISC_CORNERS, endpoint=False)
    disc = p.PMT_RADIUS * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    square = SIPM_SIDE["single"] / 2 * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
    kinds = sensor_kinds()
    outlines = []
    for i, middle in enumerate(where.positions):
        shape = square if kinds[i] == "SiPM" else disc
        corners = middle + shape[:, :1] * first[i] + shape[:, 1:] * second[i]
        outlines.append(corners[:, [2, 0, 1]])
    return outlines


def _crossed(outline: FloatArray) -> list[FloatArray]:
    """Return an outline, closed, and two lines across it."""
    n = len(outline)
    closed = np.concatenate([outline, outline[:1]])
    quarter = n // 4
    return [closed, outline[[0, n // 2]], outline[[quarter, quarter + n // 2]]]


def _frame(ax: Axes3D) -> None:
    from matplotlib.ticker import MaxNLocator

    positions = nominal_table().positions[:, [2, 0, 1]]
    low, high = positions.min(axis=0) - 5, positions.max(axis=0) + 5
    ax.set_xlim(low[0], high[0])
    ax.set_ylim(low[1], high[1])
    ax.set_zlim(low[2], high[2])
    ax.set_box_aspect(tuple(high - low))
    ax.set_xlabel("z [cm]")
    ax.set_ylabel("x [cm]")
    ax.set_zlabel("y [cm]")
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.set_major_locator(MaxNLocator(4))
        axis.pane.set_visible(False)
        axis._axinfo["grid"].update(color="0.88", linewidth=0.5)
    ax.view_init(**VIEW)
