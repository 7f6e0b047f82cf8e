"""The xenon: the space that the faces of sensors enclose."""

from __future__ import annotations

import numpy as np

from xec_data.simulation.arrays import BoolArray, FloatArray
from xec_geometry.detector import parameters as geometry

_SIDE_SLOPE = geometry.SIDE_Z_STEP / geometry.SIDE_RADIUS_STEP
_TOP = np.deg2rad(geometry.TOP_PHI)
_BOTTOM = np.deg2rad(geometry.BOTTOM_PHI)


def in_xenon(xyz: FloatArray) -> BoolArray:
    """Determine which points lie in the xenon, between the six faces.

    Parameters
    ----------
    xyz
        (…, 3) in cm.

    Returns
    -------
    numpy.ndarray
        (…) bool.
    """
    x, y, z = xyz[..., 0], xyz[..., 1], xyz[..., 2]
    radius = np.hypot(x, y)
    side = geometry.SIDE_Z_FIRST + _SIDE_SLOPE * (radius - geometry.SIDE_RADIUS_FIRST)
    return np.asarray(
        (radius > geometry.INNER_RADIUS)
        & (radius < geometry.OUTER_RADIUS)
        & (np.abs(z) < side)
        # The top and bottom planes contain the z axis: a point is behind one if it has turned past it.
        & (y * np.cos(_TOP) - x * np.sin(_TOP) > 0)
        & (y * np.cos(_BOTTOM) - x * np.sin(_BOTTOM) < 0)
    )
