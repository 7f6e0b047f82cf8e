"""Unit of the emission angles: radians by the format, degrees in many files."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xec_data.errors import DataError
from xec_data.schema.branches import is_invalid
from xec_geometry import angles_to_direction
from xec_geometry.errors import did_you_mean

AngleUnit = Literal["deg", "rad"]
UNITS = ("auto", "deg", "rad")

N_EVENTS_TO_COMPARE = 1000
"""Number of events at the beginning of a file from which its unit is determined."""

_TOLERANCE = 1e-3
"""Largest accepted distance between the vector of the angles and the emission vector: 0.06 degrees."""


def detect_angle_unit(
    angles: ArrayLike, directions: ArrayLike | None, stated: str = "auto", *, source: str = "emiAng"
) -> AngleUnit:
    """Determine the unit in which a file stores its emission angles.

    Parameters
    ----------
    angles
        The stored (θ, φ), shape (n, 2).
    directions
        The stored emission vectors, shape (n, 3), or None if the file has none.
    stated
        ``deg`` or ``rad`` if the user knows, which is checked; ``auto`` otherwise.
    source
        The file, for messages.

    Returns
    -------
    str
        ``deg`` or ``rad``.

    Raises
    ------
    DataError
        If the unit cannot be told, or is not the stated one, or if the angles match the vector in no unit.
    """
    if stated not in UNITS:
        raise DataError(
            f"unit of the angles '{stated}'{did_you_mean(stated, UNITS)}; expected {', '.join(UNITS)}"
        )
    angles = np.asarray(angles, dtype=np.float64).reshape(-1, 2)
    valid = ~is_invalid(angles).any(axis=1)
    if directions is None:
        return _from_range(angles[valid], stated, source)
    directions = np.asarray(directions, dtype=np.float64).reshape(-1, 3)
    valid &= ~is_invalid(directions).any(axis=1)
    return _from_vectors(angles[valid], directions[valid], stated, source)


def _from_vectors(
    angles: NDArray[np.float64], directions: NDArray[np.float64], stated: str, source: str
) -> AngleUnit:
    if not len(angles):
        if stated != "auto":
            return "deg" if stated == "deg" else "rad"
        raise DataError(
            f"{source}: no event has both a valid emiAng and a valid emiVec; state the unit: deg or rad"
        )
    distances = {unit: _distance(angles, directions, unit) for unit in ("rad", "deg")}
    fitting = [unit for unit, distance in distances.items() if distance <= _TOLERANCE]
    found = ", ".join(f"{distance:.3g} in {unit}" for unit, distance in distances.items())
    if not fitting:
        raise DataError(
            f"{source}: emiAng matches emiVec neither in degrees nor in radians (largest distance of the "
            f"unit vectors {found}; expected below {_TOLERANCE:g} in one of them)"
        )
    if len(fitting) == 2:
        if stated != "auto":
            return "deg" if stated == "deg" else "rad"
        raise DataError(
            f"{source}: emiAng matches emiVec in degrees and in radians; state the unit: deg or rad"
        )
    if stated not in ("auto", fitting[0]):
        raise DataError(
            f"{source}: the angles are said to be in {stated}, but emiVec says {fitting[0]} (largest "
            f"distance of the unit vectors: {found})"
        )
    return "deg" if fitting[0] == "deg" else "rad"


def _distance(angles: NDArray[np.float64], directions: NDArray[np.float64], unit: str) -> float:
    expected = angles_to_direction(angles[:, 0], angles[:, 1], degrees=unit == "deg")
    return float(np.linalg.norm(expected - directions, axis=1).max())


def _from_range(angles: NDArray[np.float64], stated: str, source: str) -> AngleUnit:
    """Without a vector: a photon that hits the detector never has θ below 3.15 degrees in all events."""
    if not len(angles):
        if stated != "auto":
            return "deg" if stated == "deg" else "rad"
        raise DataError(f"{source}: no event has a valid emiAng; state the unit of the angles: deg or rad")
    theta, phi = angles.T
    found = f"θ from {theta.min():.4g} to {theta.max():.4g}, φ from {phi.min():.4g} to {phi.max():.4g}"
    may_be_rad = theta.max() <= np.pi and theta.min() >= 0 and np.abs(phi).max() <= 2 * np.pi
    may_be_deg = theta.max() > np.pi and theta.max() <= 180 and theta.min() >= 0 and np.abs(phi).max() <= 360
    unit: AngleUnit
    if may_be_rad:
        unit = "rad"
    elif may_be_deg:
        unit = "deg"
    elif stated != "auto":
        return "deg" if stated == "deg" else "rad"
    else:
        raise DataError(
            f"{source}: emiAng has {found}, which is neither a range of degrees nor of radians, and there "
            f"is no emiVec to compare with; state the unit: deg or rad"
        )
    if stated in ("auto", unit):
        return unit
    raise DataError(f"{source}: the angles are said to be in {stated}, but emiAng has {found}: {unit}")
