"""Estimators of hidden sensors without a network: their neighbours, solid angles, the light map.

Three estimates of raw photons, for dead channels and as a reference for an inpainter. All of them use the
visible sensors of an event only, so that nothing that is hidden can influence them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xec_data.schema.branches import is_invalid
from xec_geometry import FACES, N_SENSORS, SensorTable, face_ids, sensor_positions, solid_angle
from xec_geometry.support.caching import cache
from xec_geometry.support.registry import Registry
from xec_models.errors import ModelError
from xec_models.point_source.light_map_fit import find_sources, fit_light_map
from xec_models.point_source.point_light import FastPointLight

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

NEIGHBOUR_RADIUS = 20.0
"""Sensors of the same face up to this distance are neighbours, in cm."""

FEW_PHOTONS = 50.0
"""Below this number of photons solid angles are worse than the average: diffuse light and noise."""

# Events at a time: a few tables of (events, N_SENSORS) are alive at once.
_BLOCK = 100


def neighbour_average(
    npho: NDArray[np.floating],
    hidden: Bools,
    *,
    radius: float = NEIGHBOUR_RADIUS,
    geometry: SensorTable | None = None,
) -> Floats:
    """Estimate every sensor by the mean of its visible neighbours.

    Parameters
    ----------
    npho
        (n, N_SENSORS) raw photons.
    hidden
        (n, N_SENSORS), or (N_SENSORS,) for all events: sensors that must not be used. Those with an
        invalid reading are not used either.
    radius
        Sensors of the same face up to this distance, in cm, are neighbours; a sensor is not its own.
    geometry
        Where the sensors stand; nominal by default.

    Returns
    -------
    numpy.ndarray
        (n, N_SENSORS) float64 photons; NaN where a sensor has no visible neighbour.
    """
    return _in_blocks(lambda counts, visible: _average(counts, visible, radius, geometry), npho, hidden)


def solid_angle_weighted(
    npho: NDArray[np.floating],
    hidden: Bools,
    *,
    radius: float = NEIGHBOUR_RADIUS,
    geometry: SensorTable | None = None,
) -> Floats:
    """Estimate every sensor by its visible neighbours' photons per solid angle.

    Parameters
    ----------
    npho, hidden, radius, geometry
        As for `neighbour_average`.

    Returns
    -------
    numpy.ndarray
        (n, N_SENSORS) float64 photons: Ω · Σ npho / Σ Ω, with the sums over the visible neighbours and the
        solid angles Ω seen from the source (`find_sources`). Where the plain average is below
        `FEW_PHOTONS`, no source is found or no neighbour faces it, the average; NaN without neighbours.
    """

    def estimate(counts: Floats, visible: Bools) -> Floats:
        average = _average(counts, visible, radius, geometry)
        sources = find_sources(counts, ~visible, geometry)
        known = np.isfinite(sources).all(axis=1)
        omega = np.zeros_like(counts)
        omega[known] = solid_angle(sources[known], table=geometry)
        around = _sum_around(np.where(visible, omega, 0.0), radius, geometry)
        bright = (average >= FEW_PHOTONS) & (around > 0)
        light = _sum_around(counts, radius, geometry)
        return np.divide(omega * light, around, out=average, where=bright)

    return _in_blocks(estimate, npho, hidden)


def light_map(npho: NDArray[np.floating], hidden: Bools, *, geometry: SensorTable | None = None) -> Floats:
    """Estimate every sensor by the light map of the point source that fits the visible ones best.

    Parameters
    ----------
    npho, hidden, geometry
        As for `neighbour_average`.

    Returns
    -------
    numpy.ndarray
        (n, N_SENSORS) float64 photons; NaN for events without light on the inner face.
    """
    light = FastPointLight(geometry)
    return _in_blocks(
        lambda counts, visible: fit_light_map(counts, ~visible, geometry=geometry, light=light).photons,
        npho,
        hidden,
    )


Estimator = Callable[[NDArray[np.floating], Bools], Floats]
"""(npho, hidden) to the photons of every sensor."""


@dataclass(frozen=True)
class HiddenSensorEstimator:
    """An estimator of hidden sensors.

    Attributes
    ----------
    name
        Its name in tables, plots and files.
    function
        (npho, hidden, geometry) to the photons of every sensor, as `neighbour_average`.
    """

    name: str
    function: Callable[..., Floats]

    def in_geometry(self, geometry: SensorTable) -> Estimator:
        """Return the estimator for sensors that stand as in a table."""
        return partial(self.function, geometry=geometry)


ESTIMATORS = Registry(
    "estimator of hidden sensors",
    (
        HiddenSensorEstimator("neighbours", neighbour_average),
        HiddenSensorEstimator("solid angle", solid_angle_weighted),
        HiddenSensorEstimator("light map", light_map),
    ),
    error=ModelError,
)
"""Estimators that need no network, by name."""


@cache
def neighbours(radius: float = NEIGHBOUR_RADIUS, geometry: SensorTable | None = None) -> csr_array:
    """Return the sparse, symmetric (N_SENSORS, N_SENSORS) matrix with 1 for each pair of neighbours.

    Parameters
    ----------
    radius
        Largest distance in cm within a face.
    geometry
        Where the sensors stand; nominal by default.
    """
    from scipy.sparse import csr_array
    from scipy.spatial import KDTree

    positions = sensor_positions() if geometry is None else geometry.positions
    pairs = []
    for face in FACES:
        ids = face_ids(face)
        # Positions are rounded to 1e-3 cm at best; a distance of exactly the radius counts.
        found = KDTree(positions[ids]).query_pairs(radius * (1 + 1e-9), output_type="ndarray")
        pairs += [ids[found], ids[found[:, ::-1]]]
    rows, columns = np.concatenate(pairs).T
    return csr_array((np.ones(len(rows)), (rows, columns)), shape=(N_SENSORS, N_SENSORS))


def _average(counts: Floats, visible: Bools, radius: float, geometry: SensorTable | None) -> Floats:
    number = _sum_around(visible.astype(np.float64), radius, geometry)
    total = _sum_around(counts, radius, geometry)
    return np.divide(total, number, out=np.full_like(total, np.nan), where=number > 0)


def _sum_around(values: Floats, radius: float, geometry: SensorTable | None) -> Floats:
    """Sum (n, N_SENSORS) values over each sensor's neighbours."""
    return np.ascontiguousarray((neighbours(radius, geometry) @ np.ascontiguousarray(values.T)).T)


def _in_blocks(
    estimate: Callable[[Floats, Bools], Floats], npho: NDArray[np.floating], hidden: Bools
) -> Floats:
    """Estimate a few events at a time, from counts that are zero for sensors that are not visible."""
    npho = np.asarray(npho)
    visible = np.broadcast_to(~np.asarray(hidden, dtype=bool), npho.shape) & ~is_invalid(npho)
    photons = np.empty(npho.shape)
    for start in range(0, len(npho), _BLOCK):
        part = slice(start, start + _BLOCK)
        counts = np.where(visible[part], npho[part], 0.0).astype(np.float64)
        photons[part] = estimate(counts, visible[part])
    return photons
