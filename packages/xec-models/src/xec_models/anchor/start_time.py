"""The time at which the light of an event started, from its bright sensors and a point."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from xec_data.simulation.constants import CONSTANTS, RESPONSES
from xec_geometry import SensorTable, sensor_kinds, sensor_positions
from xec_models.encoder.readings import Readings

LIGHT_SPEED = CONSTANTS.speed_of_light / CONSTANTS.effective_index
"""Of the scintillation light along its way, cm/s."""

# Sensors whose time is precise enough, in photons.
_BRIGHT = 300.0
# Number of sensors in the mean of `FirstTime`.
_FIRST = 20


class StartTime(nn.Module):
    """Base of the estimators: times minus the time of flight, and the weights of the sensors.

    Parameters
    ----------
    geometry
        Where the sensors stand; nominal by default.
    """

    efficiency: Tensor
    x: Tensor
    y: Tensor
    z: Tensor

    def __init__(self, geometry: SensorTable | None = None) -> None:
        super().__init__()
        # The variance of a time goes with the number of photoelectrons.
        efficiency = torch.tensor([RESPONSES[kind].efficiency for kind in sensor_kinds().tolist()])
        self.register_buffer("efficiency", efficiency, persistent=False)
        positions = sensor_positions() if geometry is None else geometry.positions
        for name, values in zip("xyz", positions.T, strict=True):
            constant = torch.tensor(values, dtype=torch.get_default_dtype())
            self.register_buffer(name, constant, persistent=False)

    def forward(self, readings: Readings, xyz: Tensor) -> Tensor:
        """Estimate the time.

        Parameters
        ----------
        readings
            Of B events.
        xyz
            (B, 3) points in cm.

        Returns
        -------
        Tensor (B,)
            In s; NaN with too few bright sensors that have a time.
        """
        raise NotImplementedError

    def corrected(self, readings: Readings, xyz: Tensor) -> tuple[Tensor, Tensor]:
        """Return weights of the sensors (0: unusable) and their times minus the time of flight."""
        x, y, z = xyz.unsqueeze(2).unbind(dim=1)
        way = ((self.x - x).square() + (self.y - y).square() + (self.z - z).square()).sqrt()
        bright = readings.timed & (readings.counts >= _BRIGHT)
        weight = torch.where(bright, readings.counts, 0) * self.efficiency
        return weight, readings.times - way / LIGHT_SPEED


class FirstTime(StartTime):
    """The mean of the earliest times of bright sensors; NaN with fewer bright ones than the mean needs."""

    def forward(self, readings: Readings, xyz: Tensor) -> Tensor:
        """Estimate the time, (B,) in s; see `StartTime`."""
        weight, corrected = self.corrected(readings, xyz)
        early = torch.where(weight > 0, corrected, torch.inf)
        mean = early.topk(_FIRST, dim=1, largest=False).values.mean(dim=1)
        return torch.where(mean.isinf(), torch.nan, mean)


class MeanTime(StartTime):
    """The mean time of bright sensors, weighted by photoelectrons; NaN without one."""

    def forward(self, readings: Readings, xyz: Tensor) -> Tensor:
        """Estimate the time, (B,) in s; see `StartTime`."""
        weight, corrected = self.corrected(readings, xyz)
        total = weight.sum(dim=1)
        mean = (weight * corrected).sum(dim=1) / total
        return torch.where(total > 0, mean, torch.nan)
