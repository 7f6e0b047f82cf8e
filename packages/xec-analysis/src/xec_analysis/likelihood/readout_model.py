"""Statistics of the readings: mean and variance of counts, for given light."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from xec_data.simulation.configuration import SimulationConfig
from xec_data.simulation.constants import CONSTANTS, RESPONSES, SensorResponse
from xec_geometry import sensor_kinds
from xec_models.point_source.counts import CountVariance

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ReadoutModel:
    """What scatters the readings of an event around its light.

    With ν = η·μ photoelectrons expected, a sensor of the simulation counts q = g·(N + √(N·s² + n²)·z)
    photoelectrons, N Poisson around ν and z standard normal, and reads q/η photons. Its gain g stays the
    same in all events of a seed, but nothing tells it: here it is random around 1 with the spread δ, in
    every event anew. So bounds and fits hold for events of many seeds or places, not for one place of a seed.

    Attributes
    ----------
    responses
        Kind of sensor to efficiency η, spread of single photoelectrons s and noise n.
    gain_spread
        δ; 0 for gains that are known.
    npho_threshold
        Sensors that read fewer photons have no time.
    """

    responses: Mapping[str, SensorResponse] = field(default_factory=lambda: RESPONSES)
    gain_spread: float = CONSTANTS.gain_spread
    npho_threshold: float = SimulationConfig.npho_threshold

    @property
    def efficiency(self) -> Floats:
        """Photoelectrons per photon, (N_SENSORS,)."""
        return self.per_sensor(lambda response: response.efficiency)

    @property
    def count_variance(self) -> CountVariance:
        """Variance of the photons that a sensor reads, each coefficient (N_SENSORS,).

        η²·V = (1 + δ²)·(ν·(1 + s²) + n²) + δ²·ν² with ν = η·μ.
        """
        factor = 1.0 + self.gain_spread**2
        constant = self.per_sensor(lambda of: factor * (of.noise / of.efficiency) ** 2)
        linear = self.per_sensor(lambda of: factor * (1.0 + of.single_spread**2) / of.efficiency)
        return CountVariance(constant, linear, np.full(len(linear), self.gain_spread**2))

    def per_sensor(self, quantity: Callable[[SensorResponse], float]) -> Floats:
        """Return a quantity of the response of every sensor, (N_SENSORS,)."""
        values = {kind: quantity(response) for kind, response in self.responses.items()}
        return np.array([values[kind] for kind in sensor_kinds().tolist()], dtype=np.float64)

    def apply(self, electrons: Floats, function: Callable[[Floats, SensorResponse], Floats]) -> Floats:
        """Apply a function of photoelectrons and response to all sensors.

        Parameters
        ----------
        electrons
            (n, N_SENSORS).
        function
            Called once for each kind of sensor, with any number of its photoelectrons.
        """
        result = np.empty_like(electrons)
        for kind, response in self.responses.items():
            those = sensor_kinds() == kind
            result[:, those] = function(electrons[:, those], response)
        return result
