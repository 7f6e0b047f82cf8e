"""The likelihood of a point source, given the readings of an event."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xec_analysis.likelihood.delay_table import delay_table, likely_electrons
from xec_analysis.likelihood.readout_model import ReadoutModel
from xec_data.simulation.constants import CONSTANTS, SensorResponse
from xec_geometry import sensor_kinds
from xec_models.point_source.counts import DARK, CountLikelihood
from xec_models.point_source.fisher_scoring import Expansion, Indices, add_squares
from xec_models.point_source.point_light import Light, LightSlopes

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

NANOSECOND = 1e-9
"""Unit of the times among the parameters, so that all are of similar size."""


class ReadingLikelihood(CountLikelihood):
    """Log-likelihood of counts and times in (u, v, w, ln E, time of the light in ns): a `Likelihood`.

    The density of a time, given its sensor's count and expected light, is that of `DelayTable`. The expected
    light is taken from a fit of the counts: its uncertainty does not matter there.

    Parameters
    ----------
    light, counts, visible
        As for `CountLikelihood`.
    times
        (n, N_SENSORS) in s.
    timed
        (n, N_SENSORS) times that are used.
    expected
        (n, 4) parameters of a fit of the counts.
    model
        Statistics of the readings.
    """

    def __init__(
        self,
        light: Light,
        counts: Floats,
        visible: Bools,
        times: Floats,
        timed: Bools,
        expected: Floats,
        model: ReadoutModel,
    ) -> None:
        super().__init__(light, counts, visible, model.count_variance)
        probability, arrival = light(expected[:, :3])
        photons = probability * (np.exp(expected[:, 3:]) / CONSTANTS.energy_per_photon)
        self._terms = []
        total, weighted = np.zeros(len(counts)), np.zeros(len(counts))
        for kind, response in model.responses.items():
            ids, used = _first_columns(timed & (sensor_kinds() == kind))
            charge, nu, time, way = (
                np.take_along_axis(table, ids, axis=1) for table in (counts, photons, times, arrival)
            )
            term = _TimeTerm(
                ids,
                used,
                time,
                likely_electrons(
                    charge * response.efficiency,
                    np.maximum(nu * response.efficiency, DARK),
                    response,
                    model.gain_spread,
                )[0],
                response,
                model.gain_spread,
            )
            self._terms.append(term)
            weight, mean = term.weighted_start(way)
            total += weight
            weighted += mean
        start = np.divide(weighted, total, out=np.zeros(len(counts)), where=total > 0)
        self.start = np.column_stack([expected, start / NANOSECOND])
        """(n, 5) parameters to start from, with the mean of the times less ways and mean delays."""

    def __call__(self, events: Indices, parameters: Floats) -> Expansion:
        """Expand the likelihoods of some events."""
        expansion, there = self._expand(events, parameters, size=5)
        for term in self._terms:
            term.add(expansion, there, events, parameters[:, 4])
        return expansion


class _TimeTerm(NamedTuple):
    """The times of n events on sensors of one kind, m at most.

    Attributes
    ----------
    ids, used, time, electrons
        (n, m) sensors, which of them have a time, times in s, likely photoelectrons.
    response, gain_spread
        Of the sensors.
    """

    ids: NDArray[np.int64]
    used: Bools
    time: Floats
    electrons: Floats
    response: SensorResponse
    gain_spread: float

    def weighted_start(self, arrival: Floats) -> tuple[Floats, Floats]:
        """Return sums over the sensors: information, and information times the start of the light."""
        table = delay_table(self.response, self.gain_spread)
        weight = np.where(self.used, table.information(self.electrons), 0.0)
        start = np.where(self.used, self.time - arrival - table.mean(self.electrons), 0.0)
        return weight.sum(axis=1), (weight * start).sum(axis=1)

    def add(self, expansion: Expansion, there: LightSlopes, events: Indices, start: Floats) -> None:
        """Add log-likelihood, score and information of the times."""
        table = delay_table(self.response, self.gain_spread)
        ids, used, electrons = self.ids[events], self.used[events], self.electrons[events]
        arrival = np.take_along_axis(there.arrival, ids, axis=1) + start[:, np.newaxis] * NANOSECOND
        slopes = np.take_along_axis(there.of_arrival, ids[np.newaxis], axis=2) / NANOSECOND
        delays = table.at(self.time[events] - arrival, electrons)
        expansion.height[:] += np.where(used, delays.log_density, 0.0).sum(axis=1)
        score = np.where(used, -delays.score * NANOSECOND, 0.0)
        expansion.gradient[:, :3] += np.einsum("ans,ns->na", slopes, score)
        expansion.gradient[:, 4] += score.sum(axis=1)
        weight = np.where(used, table.information(electrons) * NANOSECOND**2, 0.0)
        add_squares(expansion.information, weight, slopes, 4)


def _first_columns(wanted: Bools) -> tuple[NDArray[np.int64], Bools]:
    """Return the columns (n, m) that hold all True of every row, and whether each does."""
    most = int(wanted.sum(axis=1).max(initial=0))
    ids = np.argsort(~wanted, axis=1, kind="stable")[:, :most]
    return ids, np.take_along_axis(wanted, ids, axis=1)
