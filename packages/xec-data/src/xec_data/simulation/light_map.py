"""The light map: photons that reach every sensor from a point of the xenon, without noise."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from xec_data.simulation.arrays import BoolArray, FloatArray
from xec_data.simulation.constants import CONSTANTS
from xec_data.simulation.volume import in_xenon
from xec_geometry import N_SENSORS, SensorTable, sensor_areas, solid_angle
from xec_geometry.detector.parameters import INNER_RADIUS
from xec_geometry.detector.survey import nominal_table

# Points at a time: a dozen tables of (points, N_SENSORS) are alive at once.
_POINTS = 256
_ON_CYLINDER = 1.5


def expected_photons(
    xyz: npt.ArrayLike, energy: npt.ArrayLike, geometry: SensorTable | None = None
) -> FloatArray:
    """Return the mean number of photons on every sensor for energy deposited at points.

    This is the light map that simulated events are drawn from, with exact solid angles: the truth for
    fits and limits. A sensor's `npho` scatters around it (photon statistics, gain, noise).

    Parameters
    ----------
    xyz
        (n, 3) points in cm.
    energy
        Deposited energy in GeV, one number or (n,).
    geometry
        Where the sensors stand; nominal by default.

    Returns
    -------
    numpy.ndarray
        (n, N_SENSORS) float64. Points outside of the xenon give no light.

    Raises
    ------
    ValueError
        If `xyz` is not of shape (n, 3).

    Notes
    -----
    With d the distance and a the scattering length, each of the E / 21.6 eV photons arrives with the
    probability exp(−d/λ)·[(1 − f)·Ω/4π + f·A/4π(d² + a²)]: straight light to a sensor that the inner
    cylinder does not hide, and a diffuse share f that comes from everywhere.
    """
    points = np.asarray(xyz, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 3:
        raise ValueError(f"expected points of shape (n, 3), found {points.shape}")
    emitted = (
        np.broadcast_to(np.asarray(energy, dtype=np.float64), (len(points),)) / CONSTANTS.energy_per_photon
    )
    emitted = np.where(in_xenon(points), emitted, 0.0)
    photons = np.empty((len(points), N_SENSORS))
    for start in range(0, len(points), _POINTS):
        part = slice(start, start + _POINTS)
        photons[part] = emitted[part, np.newaxis] * arrival_probability(points[part], geometry)
    return photons


def arrival_probability(xyz: FloatArray, geometry: SensorTable | None = None) -> FloatArray:
    """Return the probability that a photon from a point reaches each sensor.

    Parameters
    ----------
    xyz
        (n, 3) points in the xenon, in cm.
    geometry
        Where the sensors stand; nominal by default.

    Returns
    -------
    numpy.ndarray
        (n, N_SENSORS) float64.
    """
    table = nominal_table() if geometry is None else geometry
    apart = table.positions - xyz[:, np.newaxis, :]
    square = np.einsum("nsi,nsi->ns", apart, apart)
    straight = solid_angle(xyz, table=table) * unshadowed(xyz, table.positions)
    diffuse = sensor_areas() / (4.0 * np.pi) / (square + CONSTANTS.scattering_length**2)
    share = CONSTANTS.diffuse_share
    absorbed = np.exp(-np.sqrt(square) / CONSTANTS.absorption_length)
    return np.asarray(absorbed * ((1.0 - share) * straight + share * diffuse))


def unshadowed(points: FloatArray, sensors: FloatArray) -> BoolArray:
    """Determine which sensors are not hidden behind the inner cylinder.

    Parameters
    ----------
    points
        (n, 3) in cm, not inside of the cylinder.
    sensors
        (m, 3) in cm, likewise.

    Returns
    -------
    numpy.ndarray
        (n, m) bool. Seen along z, the line between two points outside of a circle of radius R misses
        it if they turn by less than the angles of their tangents: p·s + √(p² − R²)·√(s² − R²) > R².
        On the circle itself that is the half-plane of the normal, which the solid angle knows.
    """
    meeting = points[:, :2] @ sensors[:, :2].T + np.outer(tangent_length(points), tangent_length(sensors))
    return np.asarray((meeting > INNER_RADIUS**2) | _on_cylinder(sensors))


def tangent_length(points: FloatArray) -> FloatArray:
    """Return the length of the tangents from points (n, 3) to the inner cylinder, seen along z, in cm."""
    square = points[:, 0] ** 2 + points[:, 1] ** 2 - INNER_RADIUS**2
    return np.asarray(np.sqrt(np.maximum(square, 0.0)))


def _on_cylinder(points: FloatArray) -> BoolArray:
    # Sensors of the inner face are on it wherever they were built in; the next ones are 3 cm away.
    return np.asarray(np.hypot(points[:, 0], points[:, 1]) < INNER_RADIUS + _ON_CYLINDER)
