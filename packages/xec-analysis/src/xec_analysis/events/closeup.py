"""A magnified piece of the inner face, where points that lie close together can be told apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xec_analysis.events.estimate import Estimate
from xec_analysis.events.marks import mark_on_faces
from xec_analysis.events.panels import Panel
from xec_analysis.style.figures import BLACK
from xec_geometry import face_ids, index_map, unrolled_face_boxes, unrolled_positions

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HALF = 3.0  # cm around the points, at least
_SIDE = 30.0  # cm of the unrolled detector that the magnified piece takes


def draw_closeup(
    ax: Axes, panel: Panel, dead: NDArray[np.bool_], estimates: Sequence[Estimate]
) -> Axes | None:
    """Draw the surroundings of the points into the free corner below the upstream face.

    Parameters
    ----------
    ax
        Axes with the unrolled detector.
    panel
        The values drawn there.
    dead
        (N_SENSORS,) bool, sensors to hatch.
    estimates
        The points; with fewer than two there is nothing to tell apart.

    Returns
    -------
    matplotlib.axes.Axes
        The magnified piece; None without one.
    """
    from matplotlib.patches import Rectangle

    from xec_geometry.display.hatching import hatch_sensors

    points = np.array([estimate.uvw[:2] for estimate in estimates if estimate.uvw is not None])
    if len(points) < 2:
        return None
    low, high = points.min(axis=0), points.max(axis=0)
    half = max(_HALF, 0.6 * float((high - low).max()))
    u, v = (low + high) / 2
    left, bottom = unrolled_face_boxes()["us"][0], unrolled_face_boxes()["bottom"][2]
    inset = ax.inset_axes((left, bottom, _SIDE, _SIDE), transform=ax.transData)
    grid = index_map("inner")
    places = unrolled_positions()[grid]
    inset.set_facecolor("0.78")
    inset.pcolormesh(
        places[0, :, 0],
        places[:, 0, 1],
        panel.shown[grid],
        cmap=panel.cmap,
        norm=panel.norm,
        shading="nearest",
    )
    on_face = np.zeros_like(dead)
    on_face[face_ids("inner")] = True
    hatch_sensors(inset, dead & on_face)
    mark_on_faces(inset, estimates, size=0.75)
    inset.set(xlim=(u - half, u + half), ylim=(v - half, v + half), aspect="equal")
    inset.tick_params(left=False, bottom=False, top=False, right=False, labelleft=False, labelbottom=False)
    inset.set_title(f"{2 * half:.0f} × {2 * half:.0f} cm", fontsize=8, pad=2)
    ax.add_patch(
        Rectangle((u - half, v - half), 2 * half, 2 * half, fill=False, zorder=4, color=BLACK, linewidth=0.8)
    )
    return inset
