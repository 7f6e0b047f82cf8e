"""Reflections that map the detector to itself: at z = 0, at y = 0 (φ = 180°), and both."""

from __future__ import annotations

from types import MappingProxyType
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from xec_geometry.detector.parameters import TABLE_ACCURACY
from xec_geometry.detector.survey import SensorTable, nominal_table
from xec_geometry.errors import GeometryError
from xec_geometry.support.arrays import FloatArray, IntArray, read_only
from xec_geometry.support.caching import cache

MirrorName = Literal["none", "z", "y", "zy"]
"""`z`: z → −z; `y`: y → −y, which is φ → 360° − φ; `zy`: both; `none`: everything stays."""

MIRRORS: tuple[MirrorName, ...] = get_args(MirrorName)
"""Names of the reflections; `none` comes first."""

_SIGNS: MappingProxyType[MirrorName, tuple[int, int, int]] = MappingProxyType(
    {"none": (1, 1, 1), "z": (1, 1, -1), "y": (1, -1, 1), "zy": (1, -1, -1)}
)


def mirrored_vectors(vectors: npt.ArrayLike, mirror: MirrorName) -> FloatArray:
    """Reflect points or directions.

    Parameters
    ----------
    vectors
        (…, 3) x, y, z.
    mirror
        One of `MIRRORS`.

    Returns
    -------
    numpy.ndarray
        (…, 3) float64.

    Raises
    ------
    GeometryError
        If there is no such reflection.
    """
    if mirror not in _SIGNS:
        raise GeometryError(f"unknown reflection {mirror!r}; expected one of {', '.join(MIRRORS)}")
    return np.asarray(np.multiply(vectors, _SIGNS[mirror]), dtype=np.float64)


@cache
def mirrored_sensors(mirror: MirrorName, table: SensorTable | None = None) -> IntArray:
    """Return, for every sensor, the sensor that takes its place in the reflected detector.

    Parameters
    ----------
    mirror
        One of `MIRRORS`.
    table
        Positions; nominal by default.

    Returns
    -------
    numpy.ndarray
        (N_SENSORS,) int64, read-only. ``readings[..., mirrored_sensors(mirror)]`` are the readings of the
        reflected event.

    Raises
    ------
    GeometryError
        If the reflection does not map the sensors to themselves.
    """
    return read_only(match_mirrored(nominal_table() if table is None else table, mirror))


def match_mirrored(
    table: SensorTable, mirror: MirrorName, *, max_distance: float = TABLE_ACCURACY
) -> IntArray:
    """Find the sensor nearest to the reflected position of every sensor.

    Parameters
    ----------
    table
        Positions, nominal or as built.
    mirror
        One of `MIRRORS`.
    max_distance
        The largest distance in cm from the reflected position. The default is the accuracy of the nominal
        positions.

    Returns
    -------
    numpy.ndarray
        (N_SENSORS,) int64: a permutation that is its own inverse.

    Raises
    ------
    GeometryError
        If a sensor has no partner within that distance.
    """
    # Slow to import, and needed here only.
    from scipy.spatial import cKDTree

    positions = table.positions
    distance, nearest = cKDTree(positions).query(mirrored_vectors(positions, mirror))
    farthest = int(np.argmax(distance))
    n_alone = np.count_nonzero(distance > max_distance)
    if n_alone:
        raise GeometryError(
            f"reflection '{mirror}': sensor {farthest} has no partner, its reflected position is "
            f"{distance[farthest]:.3g} cm away from the nearest sensor ({nearest[farthest]}); expected at "
            f"most {max_distance:g} cm, but {n_alone} sensors are farther away: use the nominal positions, "
            "or a larger max_distance"
        )
    partner: IntArray = nearest.astype(np.int64)
    single = np.flatnonzero(partner[partner] != np.arange(len(partner)))
    if len(single):
        raise GeometryError(
            f"reflection '{mirror}': sensor {partner[single[0]]} is nearest to the reflected {single[0]}, "
            f"but not the other way round ({len(single)} sensors are in no pair); use the nominal positions"
        )
    return partner
