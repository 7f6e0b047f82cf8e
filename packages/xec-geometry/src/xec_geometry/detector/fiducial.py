"""The fiducial volume, inside which first interaction points are trusted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from xec_geometry.detector import parameters as p
from xec_geometry.support.arrays import BoolArray


class Fiducial(NamedTuple):
    """Bounds of a fiducial volume in cm: |u| < u_max, |v| < v_max, w ≥ w_min."""

    u_max: float
    v_max: float
    w_min: float


FIDUCIAL = Fiducial(p.FIDUCIAL_U_MAX, p.FIDUCIAL_V_MAX, p.FIDUCIAL_W_MIN)
"""The usual fiducial volume."""


def in_fiducial(
    uvw: npt.ArrayLike,
    u_max: float = FIDUCIAL.u_max,
    v_max: float = FIDUCIAL.v_max,
    w_min: float = FIDUCIAL.w_min,
    w_max: float | None = None,
) -> BoolArray:
    """Determine which points lie in the fiducial volume |u| < u_max, |v| < v_max, w_min ≤ w (< w_max).

    Parameters
    ----------
    uvw
        (…, 3) in cm.
    u_max, v_max, w_min, w_max
        Bounds in cm; no upper bound on the depth if `w_max` is None.

    Returns
    -------
    numpy.ndarray
        (…) bool. Points with NaN are outside.
    """
    array = np.asarray(uvw, dtype=np.float64)
    u, v, w = array[..., 0], array[..., 1], array[..., 2]
    inside = (np.abs(u) < u_max) & (np.abs(v) < v_max) & (w >= w_min)
    return np.asarray(inside if w_max is None else inside & (w < w_max))
