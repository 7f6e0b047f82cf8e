"""The time at which the light of an event started, from its bright sensors and a point."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xec_data.schema.branches import is_invalid
from xec_data.simulation.constants import CONSTANTS, RESPONSES
from xec_geometry import sensor_kinds, sensor_positions

Floats = NDArray[np.float64]

_LIGHT_SPEED = CONSTANTS.speed_of_light / CONSTANTS.effective_index  # cm/s
# Sensors whose time is precise enough, in photons.
_BRIGHT = 300.0
# Number of sensors in the mean of `first_time`.
_FIRST = 20
_BLOCK = 250


def first_time(npho: NDArray[Any], time: NDArray[Any], xyz: Floats) -> Floats:
    """Return the mean of the earliest times of bright sensors, each minus the time of flight from a point.

    Parameters
    ----------
    npho, time
        (n, N_SENSORS) raw readings.
    xyz
        (n, 3) points in cm.

    Returns
    -------
    ndarray (n,)
        In s; NaN with fewer bright sensors than the mean needs.
    """
    first = np.full(len(npho), np.nan)
    for part, weight, corrected in _corrected_times(npho, time, xyz):
        # NaN sorts behind all numbers, so that the mean is NaN if there are too few.
        early = np.sort(np.where(weight > 0, corrected, np.nan), axis=1)[:, :_FIRST]
        first[part] = early.mean(axis=1)
    return first


def path_corrected_time(npho: NDArray[Any], time: NDArray[Any], xyz: Floats) -> Floats:
    """Return the mean time of bright sensors, minus the time of flight, weighted by photoelectrons.

    Parameters
    ----------
    npho, time
        (n, N_SENSORS) raw readings.
    xyz
        (n, 3) points in cm.

    Returns
    -------
    ndarray (n,)
        In s; NaN without a bright sensor that has a valid time.
    """
    mean = np.full(len(npho), np.nan)
    for part, weight, corrected in _corrected_times(npho, time, xyz):
        total = weight.sum(axis=1)
        np.divide((weight * corrected).sum(axis=1), total, out=mean[part], where=total > 0)
    return mean


def _corrected_times(
    npho: NDArray[Any], time: NDArray[Any], xyz: Floats
) -> Iterator[tuple[slice, Floats, Floats]]:
    """Yield blocks of events: slice, weights of the sensors (0: unusable), times minus time of flight."""
    # The variance of a time goes with the number of photoelectrons.
    efficiency = np.array([RESPONSES[kind].efficiency for kind in sensor_kinds().tolist()])
    for start in range(0, len(npho), _BLOCK):
        part = slice(start, start + _BLOCK)
        valid = ~is_invalid(npho[part]) & ~is_invalid(time[part])
        photons = np.where(valid, npho[part], 0.0).astype(np.float64)
        weight = np.where(photons >= _BRIGHT, photons, 0.0) * efficiency
        way = np.linalg.norm(sensor_positions() - xyz[part, np.newaxis, :], axis=2)
        yield part, weight, np.where(valid, time[part], 0.0) - way / _LIGHT_SPEED
