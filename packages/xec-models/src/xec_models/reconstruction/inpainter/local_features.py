"""Local features of an inpainter: readings, and means of the neighbours of every sensor."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from xec_geometry import FACES, N_SENSORS, SensorTable, face_ids, sensor_positions
from xec_geometry.support.caching import cache
from xec_models.encoder.normalizer import Normalizer

N_NEIGHBOURS = 24
"""Number of sensors on the same face in the mean of the neighbours."""

N_FEATURES = 4
"""Features per sensor: count and time, hidden ones filled in, and whether each was visible."""


class LocalFeatures(NamedTuple):
    """Features of every sensor, without its own reading if that is hidden.

    Attributes
    ----------
    values
        (B, sensors, 4): normalized count and time, whether the count was seen, whether the time was.
        Where it was not, the number is that of `estimate`.
    estimate
        (B, sensors, 2): weighted means of the visible neighbours, a sensor never being its own; 0 where
        there are none.
    seen
        (B, sensors) bool: whether there is a valid count that is not hidden.
    readings
        (B, sensors, 2): normalized count and time, sentinels where they are hidden.
    """

    values: Tensor
    estimate: Tensor
    seen: Tensor
    readings: Tensor


class NeighbourMeans(nn.Module):
    """First estimate of hidden sensors: weighted means of the neighbours on the same face.

    Weights fall with the fourth power of the distance, so that far sensors matter only where the near
    ones are hidden too.

    Parameters
    ----------
    normalizer
        Scale and sentinels of the readings.
    geometry
        Where the sensors stand; nominal by default.
    """

    neighbour: Tensor
    weight: Tensor

    def __init__(self, normalizer: Normalizer, geometry: SensorTable | None = None) -> None:
        super().__init__()
        self.normalizer = normalizer
        neighbour, distance = same_face_neighbours(N_NEIGHBOURS, geometry)
        weight = (distance / distance.min(axis=1, keepdims=True)) ** -4.0
        self.register_buffer("neighbour", torch.tensor(neighbour), persistent=False)
        table = torch.tensor(weight).to(torch.get_default_dtype())
        self.register_buffer("weight", table, persistent=False)

    def forward(self, x: Tensor, hidden: Tensor) -> LocalFeatures:
        """Compute the local features of every sensor.

        Parameters
        ----------
        x
            (B, sensors, 2) normalized readings.
        hidden
            (B, sensors) bool, True where a sensor is hidden.
        """
        normalizer = self.normalizer
        npho, time = x.unbind(-1)
        seen = ~hidden & (npho != normalizer.sentinel_npho)
        timed = seen & (time != normalizer.sentinel_time)
        read = torch.stack([seen, timed], dim=-1)
        flags = read.to(x.dtype)
        known = torch.where(read, x, 0)
        around = torch.cat([known, flags], dim=-1)[:, self.neighbour]
        sums = (around * self.weight.unsqueeze(-1)).sum(-2)
        values, weights = sums.chunk(2, dim=-1)
        estimate = torch.where(weights > 0, values / torch.where(weights > 0, weights, 1), 0)
        readings = torch.where(hidden.unsqueeze(-1), normalizer.sentinels(), x)
        values = torch.cat([torch.where(read, x, estimate), flags], dim=-1)
        return LocalFeatures(values, estimate, seen, readings)


@cache
def same_face_neighbours(
    count: int, geometry: SensorTable | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Find the nearest sensors of the same face, the nearest first.

    Parameters
    ----------
    count
        Number of neighbours of each sensor.
    geometry
        Where the sensors stand; nominal by default.

    Returns
    -------
    ids, distances
        (sensors, count) each; distances in cm.
    """
    ids = np.empty((N_SENSORS, count), dtype=np.int64)
    distances = np.empty((N_SENSORS, count))
    for face in FACES:
        members = face_ids(face)
        found, distance = _nearest(members, members, count, geometry)
        ids[members], distances[members] = found, distance
    return ids, distances


@cache
def nearest_sensors(
    count: int, geometry: SensorTable | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Find the nearest sensors in space, whatever their face; as `same_face_neighbours`."""
    every = np.arange(N_SENSORS)
    return _nearest(every, every, count, geometry)


def _nearest(
    targets: NDArray[np.int64], sources: NDArray[np.int64], count: int, geometry: SensorTable | None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    from scipy.spatial import KDTree

    positions = sensor_positions() if geometry is None else geometry.positions
    distances, order = KDTree(positions[sources]).query(positions[targets], k=count + 1)
    # A sensor is at distance 0 from itself.
    return sources[order[:, 1:]], distances[:, 1:]
