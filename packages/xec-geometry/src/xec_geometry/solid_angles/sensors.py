"""Exact solid angles of the sensors, as fractions of 4π.

A point sees a sensor if it stands in front of it, on the xenon's side. Nothing stands between them:
the inner face bulges towards the xenon, the others hide nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from xec_geometry.detector import parameters as p
from xec_geometry.detector.sensors import sensor_kinds
from xec_geometry.detector.survey import SensorTable, nominal_table
from xec_geometry.errors import GeometryError
from xec_geometry.solid_angles.disc import disc_solid_angle
from xec_geometry.solid_angles.square_chips import chips_solid_angle
from xec_geometry.support.arrays import FloatArray, IntArray

# Points nearer to a sensor's plane (cm) stand in it: the sine of a sensor's angle is no better.
_PLANE = 1e-9

# Elements (points × sensors) at a time: their intermediate tables stay in the processor's cache.
_BLOCK = 1 << 15


# Solid angle in steradian of a sensor of each kind, from a point's coordinates along it, across it
# and in front of it.
_Formula = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]
_FORMULAS: dict[str, _Formula] = {"SiPM": chips_solid_angle, "PMT": disc_solid_angle}


def solid_angle(
    points: npt.ArrayLike, sensors: npt.ArrayLike | None = None, *, table: SensorTable | None = None
) -> FloatArray:
    """Return the fraction of all directions in which light from a point meets each sensor.

    Parameters
    ----------
    points
        (n, 3) or (3,) in cm.
    sensors
        Ids of the sensors wanted, in any order; all by default.
    table
        As-built positions and normals, see `read_survey`; nominal by default.

    Returns
    -------
    numpy.ndarray
        (n, sensors) float64, or (sensors,) for one point: solid angle / 4π, exact. Zero behind a
        sensor. On the very surface of a sensor it is 1/2, the limit from the front.

    Raises
    ------
    GeometryError
        If there is no such sensor.
    ValueError
        If `points` has another shape.

    Notes
    -----
    SiPM: the chips are squares with sides along z and along φ; each is two triangles by van Oosterom
    and Strackee, IEEE Trans. Biomed. Eng. 30 (1983) 125. PMT: a disc, by complete elliptic integrals,
    Paxton, Rev. Sci. Instrum. 30 (1959) 254, and far from it by a series with the same digits.
    """
    points = np.asarray(points, dtype=np.float64)
    if points.ndim not in (1, 2) or points.shape[-1] != 3:
        raise ValueError(f"expected points of shape (n, 3) or (3,), found {points.shape}")
    ids = _checked_ids(sensors)
    table = nominal_table() if table is None else table
    flat = points.reshape(-1, 3)
    result = np.zeros((len(flat), len(ids)))
    kinds = sensor_kinds()[ids]
    for name, formula in _FORMULAS.items():
        columns = np.flatnonzero(kinds == name)
        if len(columns):
            _fill(result, columns, flat, table, ids[columns], formula)
    return result.reshape(*points.shape[:-1], len(ids))


def _checked_ids(sensors: npt.ArrayLike | None) -> IntArray:
    if sensors is None:
        return np.arange(p.N_SENSORS, dtype=np.int64)
    ids = np.atleast_1d(np.asarray(sensors))
    if ids.dtype == np.bool_ or not (ids.size == 0 or np.issubdtype(ids.dtype, np.integer)) or ids.ndim != 1:
        raise GeometryError(f"sensors are given by their ids: expected whole numbers, found {ids.dtype}")
    wrong = ids[(ids < 0) | (ids >= p.N_SENSORS)]
    if len(wrong):
        raise GeometryError(f"there is no sensor {wrong[0]}; expected ids from 0 to {p.N_SENSORS - 1}")
    return ids.astype(np.int64)


def _fill(
    result: FloatArray,
    columns: IntArray,
    points: FloatArray,
    table: SensorTable,
    ids: IntArray,
    formula: _Formula,
) -> None:
    centers, normals = table.positions[ids], table.normals[ids]
    axes = (*_in_plane_axes(normals), normals)
    for rows in _blocks(len(points), len(ids)):
        x, y, d = _coordinates(points[rows], centers, axes)
        height = np.where(d > _PLANE, d, 0.0)
        omega = np.where(d >= -_PLANE, formula(x, y, height), 0.0)
        result[rows, columns] = omega / (4 * np.pi)


def _coordinates(points: FloatArray, centers: FloatArray, axes: Sequence[FloatArray]) -> list[FloatArray]:
    """Return the coordinates of all points in the systems of all sensors, each (points, sensors).

    Sums are spelt out: a matrix product rounds differently for different numbers of points, and the
    solid angle of a point shall not depend on the others.
    """
    step = [points[:, None, i] - centers[:, i] for i in range(3)]
    return [step[0] * axis[:, 0] + step[1] * axis[:, 1] + step[2] * axis[:, 2] for axis in axes]


def _blocks(n_points: int, n_sensors: int) -> Iterator[slice]:
    step = max(1, _BLOCK // n_sensors)
    for start in range(0, n_points, step):
        yield slice(start, start + step)


def _in_plane_axes(normals: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return two unit vectors in each sensor's plane: z as far as the plane allows, and across it."""
    z = np.array([0.0, 0.0, 1.0])
    along = z - normals * normals[:, 2:]
    # A sensor that looks along z has no z in its plane; x serves there.
    lying = np.linalg.norm(along, axis=1) < 1e-6
    x = np.array([1.0, 0.0, 0.0]) - normals * normals[:, :1]
    along = np.where(lying[:, None], x, along)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    return along, np.cross(normals, along)
