"""The detector cut open and laid flat, for pictures.

The inner face lies in the middle, z to the right and v upwards. Upstream and downstream are folded
out at its sides, top and bottom above and below, the edges that meet in the detector side by side.
The outer face lies apart, on the right, with z and its own arc.
"""

from __future__ import annotations

import numpy as np

from xec_geometry.detector import parameters as p
from xec_geometry.detector.faces import face_ids
from xec_geometry.detector.names import FACES, FaceName
from xec_geometry.detector.survey import SensorTable, nominal_table
from xec_geometry.support.arrays import FloatArray, read_only
from xec_geometry.support.caching import cache

# Room around the centres of a face's outermost sensors.
_MARGIN: dict[FaceName, float] = {"inner": 0.8}
_PMT_MARGIN = p.PMT_RADIUS + 0.75
# Room between the inner face and its neighbours; above and below it a line of text has to fit.
_SIDE_GAP = 2.0
_END_GAP = 8.0
_OUTER_GAP = 9.0


@cache
def unrolled_positions(table: SensorTable | None = None) -> FloatArray:
    """Return the position of every sensor in the plane.

    Parameters
    ----------
    table
        Positions; nominal by default.

    Returns
    -------
    numpy.ndarray
        (N_SENSORS, 2) float64 in cm, read-only. On a face, distances between neighbours are those in
        the detector, but along φ on the sides, where the arc is that of the inner face.
    """
    nominal = nominal_table()
    x, y, z = (nominal if table is None else table).positions.T
    psi = np.arctan2(y, -x)
    radius = np.hypot(x, y)
    plane = _along_the_face(x, y, z)
    # Where a face begins does not depend on where its sensors were put.
    frame = _along_the_face(*nominal.positions.T)
    half_z, half_v = (frame[face_ids("inner")].max(axis=0) + _MARGIN["inner"]).tolist()

    depth_step = np.hypot(p.SIDE_RADIUS_STEP, p.SIDE_Z_STEP)
    for ids, sign in ((face_ids("us"), -1), (face_ids("ds"), +1)):
        depth = (radius[ids] - p.SIDE_RADIUS_FIRST) / p.SIDE_RADIUS_STEP * depth_step
        plane[ids, 0] = sign * (half_z + _SIDE_GAP + _PMT_MARGIN + depth)
    for ids, sign in ((face_ids("top"), +1), (face_ids("bottom"), -1)):
        depth = radius[ids] - p.HEX_RADIUS_FIRST
        plane[ids, 1] = sign * (half_v + _END_GAP + _PMT_MARGIN + depth)
    ids = face_ids("outer")
    deepest = (p.SIDE_DEPTHS - 1) * depth_step
    left = half_z + _SIDE_GAP + _PMT_MARGIN + deepest + _PMT_MARGIN + _OUTER_GAP
    plane[ids, 0] = z[ids] - frame[ids, 0].min() + left + _PMT_MARGIN
    plane[ids, 1] = p.OUTER_RADIUS * psi[ids]
    return read_only(plane)


def _along_the_face(x: FloatArray, y: FloatArray, z: FloatArray) -> FloatArray:
    """Return z, and the arc of the inner face, (n, 2)."""
    return np.stack([z, p.INNER_RADIUS * np.arctan2(y, -x)], axis=-1)


def unrolled_face_boxes() -> dict[FaceName, tuple[float, float, float, float]]:
    """Return the rectangle (x0, x1, y0, y1) in cm around each face's nominal `unrolled_positions`."""
    boxes: dict[FaceName, tuple[float, float, float, float]] = {}
    for name in FACES:
        places = unrolled_positions()[face_ids(name)]
        margin = _MARGIN.get(name, _PMT_MARGIN)
        (x0, y0), (x1, y1) = (places.min(axis=0) - margin).tolist(), (places.max(axis=0) + margin).tolist()
        boxes[name] = (x0, x1, y0, y1)
    return boxes
