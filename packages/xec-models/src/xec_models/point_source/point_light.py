"""The light of point sources: photons and arrival on every sensor, and how they change with the place."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xec_data.simulation.constants import CONSTANTS
from xec_data.simulation.fast_light import FastLight
from xec_data.simulation.light_map import arrival_probability, unshadowed
from xec_data.simulation.shower import Deposits
from xec_data.simulation.volume import in_xenon
from xec_geometry import N_SENSORS, SensorTable, sensor_positions, uvw_to_xyz

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

Light = Callable[[Floats], tuple[Floats, Floats]]
"""Points (n, 3) in u, v, w to probability and mean time of a photon's arrival, (n, N_SENSORS) each."""

# Length in cm of the steps of which slopes are differences: single precision leaves them 1e-4 per cm.
_STEP = 2e-3

# A sensor that steps into the shadow of the inner cylinder, or out of it, changes by more than this part of
# its light. There the light has no slope; no other sensor changes so much within a step.
_JUMP = 0.2


class LightSlopes(NamedTuple):
    """The light of n point sources and its derivatives in their places.

    Attributes
    ----------
    probability
        (n, N_SENSORS) that a photon arrives.
    arrival
        (n, N_SENSORS) mean time of arrival in s.
    of_probability
        (3, n, N_SENSORS) derivatives of ln(probability) in u, v, w, in 1/cm.
    of_arrival
        (3, n, N_SENSORS) derivatives of the arrival, in s/cm.
    """

    probability: Floats
    arrival: Floats
    of_probability: Floats
    of_arrival: Floats


def light_slopes(light: Light, uvw: Floats) -> LightSlopes:
    """Return the light of points (n, 3) and its derivatives, as differences."""
    probability, arrival = light(uvw)
    of_probability, of_arrival = np.empty((3, *probability.shape)), np.empty((3, *probability.shape))
    for axis, shift in enumerate(_STEP * np.eye(3)):
        other, later = light(uvw + shift)
        change = other / np.maximum(probability, 1e-30) - 1.0
        smooth = np.abs(change) < _JUMP
        of_probability[axis] = np.where(smooth, change, 0.0) / _STEP
        of_arrival[axis] = np.where(smooth, later - arrival, 0.0) / _STEP
    return LightSlopes(probability, arrival, of_probability, of_arrival)


def near_shadow(uvw: Floats, reach: float, geometry: SensorTable | None = None) -> Bools:
    """Determine which sensors would step into the shadow of the inner cylinder, or out of it, near points.

    Parameters
    ----------
    uvw
        (n, 3) points.
    reach
        How far they move, in cm, along v and w; u does not matter.
    geometry
        Where the sensors stand; nominal by default.

    Returns
    -------
    numpy.ndarray
        (n, N_SENSORS) bool. Sensors of the inner face are never in the shadow.
    """
    positions = sensor_positions() if geometry is None else geometry.positions
    corners = []
    for along, deeper in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
        corner = uvw + reach * np.array([0, along, deeper])
        corner[:, 2] = np.maximum(corner[:, 2], 0.0)
        corners.append(unshadowed(np.asarray(uvw_to_xyz(corner)), positions))
    return np.asarray(np.any(corners, axis=0) & ~np.all(corners, axis=0))


def exact_light(uvw: Floats, geometry: SensorTable | None = None) -> tuple[Floats, Floats]:
    """Return the light map of points, as `Light` but without times: they are 0."""
    probability = arrival_probability(np.asarray(uvw_to_xyz(uvw)), geometry)
    return probability, np.zeros_like(probability)


class FastPointLight:
    """The light that simulated point events are made of, a `Light`. An instance serves one thread.

    Parameters
    ----------
    geometry
        Where the sensors stand; nominal by default.
    """

    def __init__(self, geometry: SensorTable | None = None) -> None:
        self._light = FastLight(deposits=1, geometry=geometry)

    def __call__(self, uvw: Floats) -> tuple[Floats, Floats]:
        """Return probability and time of arrival, (n, N_SENSORS) each; 0 outside of the xenon."""
        n = len(uvw)
        xyz = np.asarray(uvw_to_xyz(uvw)).reshape(n, 1, 3)
        one_photon = np.full((n, 1), CONSTANTS.energy_per_photon)
        deposits = Deposits(xyz, one_photon, np.zeros((n, 1)), in_xenon(xyz))
        probability, arrival = np.empty((n, N_SENSORS)), np.empty((n, N_SENSORS))
        for i, (photons, time) in enumerate(self._light.shine(deposits)):
            probability[i], arrival[i] = photons, time
        return probability, arrival
