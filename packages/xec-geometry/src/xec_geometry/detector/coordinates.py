"""Coordinates: (x, y, z) and (u, v, w); angles of emission and unit vectors."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from xec_geometry.detector.parameters import INNER_RADIUS
from xec_geometry.support.arrays import FloatArray


def xyz_to_uvw(xyz: npt.ArrayLike) -> FloatArray:
    """Locate points on the inner face (u along z, v along the arc) and behind it (depth w).

    Parameters
    ----------
    xyz
        (…, 3) in cm.

    Returns
    -------
    numpy.ndarray
        (…, 3) float64, u = z, v = R·atan2(y, −x), w = √(x² + y²) − R in cm, with R the inner radius.
    """
    x, y, z = _components(xyz)
    v = INNER_RADIUS * np.arctan2(y, -x)
    return np.stack([z, v, np.hypot(x, y) - INNER_RADIUS], axis=-1)


def uvw_to_xyz(uvw: npt.ArrayLike) -> FloatArray:
    """Invert `xyz_to_uvw`.

    Parameters
    ----------
    uvw
        (…, 3) in cm.

    Returns
    -------
    numpy.ndarray
        (…, 3) float64 in cm.
    """
    u, v, w = _components(uvw)
    radius, psi = w + INNER_RADIUS, v / INNER_RADIUS
    return np.stack([-radius * np.cos(psi), radius * np.sin(psi), u], axis=-1)


def angles_to_direction(theta: npt.ArrayLike, phi: npt.ArrayLike, *, degrees: bool) -> FloatArray:
    """Turn angles of emission into unit vectors (−sin θ·cos φ, sin θ·sin φ, cos θ).

    Parameters
    ----------
    theta, phi
        (…), of the same or broadcastable shapes.
    degrees
        True if they are in degrees, False if in radians.

    Returns
    -------
    numpy.ndarray
        (…, 3) float64.
    """
    theta = np.asarray(theta, dtype=np.float64)
    phi = np.asarray(phi, dtype=np.float64)
    if degrees:
        theta, phi = np.deg2rad(theta), np.deg2rad(phi)
    x, y = -np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi)
    return np.stack(np.broadcast_arrays(x, y, np.cos(theta)), axis=-1)


def direction_to_angles(direction: npt.ArrayLike, *, degrees: bool) -> tuple[FloatArray, FloatArray]:
    """Invert `angles_to_direction`.

    Parameters
    ----------
    direction
        (…, 3), of any length but zero.
    degrees
        True for degrees, False for radians.

    Returns
    -------
    theta, phi
        (…) float64 each; θ in [0, 180]° and φ in (−180, 180]°, φ = 0 towards the detector's middle.
    """
    x, y, z = _components(direction)
    theta = np.arctan2(np.hypot(x, y), z)
    phi = np.arctan2(y, -x)
    return (np.rad2deg(theta), np.rad2deg(phi)) if degrees else (theta, phi)


def wrap_degrees(angle: npt.ArrayLike) -> FloatArray:
    """Bring a difference of angles into [−180, 180)°: 179° and −179° are two degrees apart.

    Parameters
    ----------
    angle
        (…) degrees.

    Returns
    -------
    ndarray
        (…) degrees.
    """
    return np.asarray((np.asarray(angle, np.float64) + 180.0) % 360.0 - 180.0)


def _components(vectors: npt.ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray]:
    array = np.asarray(vectors, dtype=np.float64)
    if array.ndim == 0 or array.shape[-1] != 3:
        raise ValueError(f"expected an array of shape (…, 3), found {array.shape}")
    return array[..., 0], array[..., 1], array[..., 2]
