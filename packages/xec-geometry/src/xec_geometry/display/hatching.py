"""Sensors struck out on the unrolled detector, visible on any colour; needs matplotlib (extra ``plot``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from xec_geometry.detector import parameters as p
from xec_geometry.detector.sensors import sensor_kinds
from xec_geometry.detector.survey import SensorTable
from xec_geometry.display.picture import SIPM_SIDE, require_matplotlib
from xec_geometry.display.unroll import unrolled_positions
from xec_geometry.support.arrays import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PAPER, INK = "#ffffff", "#111111"
"""Colours of a struck-out sensor and of its lines: the two ends of every scale are far from one of them."""

_SIPM_HALF = SIPM_SIDE["image"] / 2
# Where lines begin and end in a cell as wide as 2. On a SiPM more than one would fill it.
_SIPM_STROKES = (((-1.0, -1.0), (1.0, 1.0)),)
_PMT_STROKES = (
    ((-0.97, -0.26), (0.26, 0.97)),
    ((-0.71, -0.71), (0.71, 0.71)),
    ((-0.26, -0.97), (0.97, 0.26)),
)


def hatch_sensors(ax: Axes, sensors: npt.ArrayLike, table: SensorTable | None = None) -> None:
    """Strike sensors out, on top of what `draw_sensors` drew: white, framed and hatched.

    Parameters
    ----------
    ax
        Axes on which `draw_sensors` has drawn.
    sensors
        (N_SENSORS,) bool.
    table
        Where the sensors stand; nominal by default.

    Raises
    ------
    ValueError
        If there is not one value per sensor.
    GeometryError
        If matplotlib is not installed.
    """
    require_matplotlib()
    from matplotlib.collections import EllipseCollection, LineCollection, PolyCollection

    chosen = np.asarray(sensors, dtype=bool)
    if chosen.shape != (p.N_SENSORS,):
        raise ValueError(f"expected {p.N_SENSORS} values, one per sensor, found an array of {chosen.shape}")
    places, squares = unrolled_positions(table), sensor_kinds() == "SiPM"
    sipms, pmts = places[chosen & squares], places[chosen & ~squares]
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * _SIPM_HALF
    ax.add_collection(
        PolyCollection(
            sipms[:, None] + corners, facecolors=PAPER, edgecolors=INK, linewidths=0.3, zorder=1.5, snap=False
        )
    )
    size = np.full(len(pmts), 2 * p.PMT_RADIUS)
    ax.add_collection(
        EllipseCollection(
            size,
            size,
            np.zeros_like(size),
            units="xy",
            offsets=pmts,
            offset_transform=ax.transData,
            facecolors=PAPER,
            edgecolors=INK,
            linewidths=0.6,
            zorder=1.5,
        )
    )
    strokes = [*_strokes(sipms, _SIPM_HALF, _SIPM_STROKES), *_strokes(pmts, p.PMT_RADIUS, _PMT_STROKES)]
    ax.add_collection(LineCollection(strokes, colors=INK, linewidths=0.55, zorder=1.6, capstyle="butt"))


def _strokes(places: FloatArray, half: float, strokes: tuple[Any, ...]) -> list[FloatArray]:
    """Return the lines, (2, 2) each, of cells of this half width."""
    lines = places[:, None, None] + half * np.array(strokes)
    return list(lines.reshape(-1, 2, 2))
