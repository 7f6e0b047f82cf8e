"""Response of the sensors: counts and times."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from xec_data.schema.branches import INVALID
from xec_data.simulation.arrays import FloatArray, IntArray
from xec_data.simulation.configuration import SimulationConfig
from xec_data.simulation.constants import CONSTANTS, RESPONSES
from xec_data.simulation.streams import dead_sensors, sensor_gains
from xec_geometry import sensor_kinds


class Readout:
    """The 4760 sensors with their efficiencies, gains and dead channels.

    Parameters
    ----------
    config
        Seed (it fixes gains and dead sensors), fraction of dead sensors and threshold of times.

    Attributes
    ----------
    dead
        (N_SENSORS,) bool.
    """

    def __init__(self, config: SimulationConfig) -> None:
        kinds = sensor_kinds().tolist()
        self.dead = dead_sensors(config.seed, config.dead_fraction)
        self._efficiency = np.array([RESPONSES[kind].efficiency for kind in kinds])
        self._single_variance = np.array([RESPONSES[kind].single_spread ** 2 for kind in kinds])
        self._noise_variance = np.array([RESPONSES[kind].noise ** 2 for kind in kinds])
        self._photons_per_electron = sensor_gains(config.seed) / self._efficiency
        self._threshold = config.npho_threshold
        self._noise_free = config.noise_free

    def read(
        self, photons: FloatArray, arrival: FloatArray, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray, float]:
        """Draw counts and times of one event.

        Parameters
        ----------
        photons, arrival
            (N_SENSORS,) mean photons of scintillation, and their mean time of arrival in s on the clock
            of the first interaction; or (k, N_SENSORS), those of k photons in the same event.
        rng
            Source of the random numbers.

        Returns
        -------
        npho, time
            (N_SENSORS,) float64 photons and s after the earliest valid time of the event; 1e10 where
            there is no reading.
        first_interaction
            Its time on the same clock, in s; 0 if no sensor has a valid time.
        """
        photons, arrival = np.atleast_2d(photons), np.atleast_2d(arrival)
        if self._noise_free:
            npho, time = photons.sum(axis=0), arrival.min(axis=0)
        else:
            npho, time = self._draw(photons, arrival, rng)
        valid = (npho >= self._threshold) & ~self.dead
        start = float(time.min(where=valid, initial=np.inf))
        if not np.isfinite(start):
            start = 0.0
        time -= start
        time[~valid] = INVALID
        npho[self.dead] = INVALID
        return npho, time, -start

    def _draw(
        self, photons: FloatArray, arrival: FloatArray, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        pulses = rng.poisson(photons * self._efficiency)
        electrons = pulses.sum(axis=0)
        spread = np.sqrt(electrons * self._single_variance + self._noise_variance)
        npho = (electrons + spread * rng.standard_normal(len(electrons))) * self._photons_per_electron
        return npho, draw_times(arrival, pulses, rng)


def draw_times(arrival: FloatArray, electrons: IntArray, rng: np.random.Generator) -> FloatArray:
    """Draw the times that sensors measure for the light of one photon or of several.

    Parameters
    ----------
    arrival
        (k, n) mean times of arrival of the light of k photons at n sensors, in s on any clock.
    electrons
        (k, n) numbers of photoelectrons that they make.
    rng
        Source of the random numbers.

    Returns
    -------
    numpy.ndarray
        (n,) s on that clock.

    Notes
    -----
    The pulses of all photons add up, and the time is when `time_fraction` of all their photoelectrons has
    arrived, whichever photon they belong to: that of the earliest photon, unless it gave the sensor less
    than that. Approximations: the light of a photon begins at one time, the mean one; all of it is
    counted, however late it comes; the noise of the electronics is that of a single pulse with as many
    photoelectrons. Beyond that it is exact, because exponentials have no memory: when a pulse begins, the
    photoelectrons of earlier ones that are still to come are distributed like its own.
    """
    if len(arrival) == 1:
        return np.asarray(arrival[0] + draw_delays(electrons[0], rng))
    order = np.argsort(arrival, axis=0, kind="stable")
    starts, pulses = (np.take_along_axis(values, order, axis=0) for values in (arrival, electrons))
    total = pulses.sum(axis=0)
    wanted = delay_law(total).shape.astype(np.int64)
    arrived, coming = np.zeros_like(total), pulses[0]
    reached = np.full(len(total), np.nan)
    for pulse, (start, end) in zip(pulses[1:], pairwise(starts), strict=True):
        chance = -np.expm1((start - end) / CONSTANTS.decay_time)
        now = rng.binomial(coming, chance)
        missing = wanted - arrived
        here = np.flatnonzero(np.isnan(reached) & (now >= missing))
        # The m-th of n uniform numbers has a beta distribution.
        share = rng.beta(missing[here], (now - missing)[here] + 1) * chance[here]
        reached[here] = start[here] - CONSTANTS.decay_time * np.log1p(-share)
        arrived = np.where(now >= missing, arrived, arrived + now)
        coming = coming - now + pulse
    law = delay_law(total, arrived)
    last = starts[-1] + rng.standard_gamma(law.shape) / law.rate
    noise = law.jitter * rng.standard_normal(len(total))
    return np.asarray(np.where(np.isnan(reached), last, reached) + noise)


class DelayLaw(NamedTuple):
    """Distribution of the delays of measured times after the arrival of the light.

    A delay is a Gamma variate plus a normal one, the noise of the electronics.

    Attributes
    ----------
    shape
        (n,) shape of the Gamma distribution, a whole number.
    rate
        (n,) its rate in 1/s.
    jitter
        (n,) standard deviation of the normal distribution in s.
    """

    shape: FloatArray
    rate: FloatArray
    jitter: FloatArray


def delay_law(electrons: np.ndarray, arrived: np.ndarray | int = 0) -> DelayLaw:
    """Return the distribution of the delay of the measured time after the arrival of the light.

    Parameters
    ----------
    electrons
        (n,) numbers of photoelectrons.
    arrived
        Those of them, too few for a time, that came before the delay begins.

    Returns
    -------
    DelayLaw
        That of the time when the j-th of N photoelectrons with the scintillation's decay time has
        arrived, j = N · `time_fraction` rounded and at least 1, plus the noise of the electronics.

    Notes
    -----
    The j-th of N exponentials is a sum of j exponentials with rates N, N − 1, …; for a small fraction
    j/N a Gamma variate of shape j with their mean rate N − (j − 1)/2 has the same mean and variance to
    a thousandth.
    """
    number = np.maximum(electrons, 1).astype(np.float64)
    first = np.maximum(np.rint(CONSTANTS.time_fraction * number), 1.0)
    missing = first - arrived
    rate = (number - arrived - (missing - 1.0) / 2.0) / CONSTANTS.decay_time
    jitter = np.sqrt(CONSTANTS.time_noise**2 / number + CONSTANTS.time_floor**2)
    return DelayLaw(missing, rate, jitter)


def draw_delays(electrons: np.ndarray, rng: np.random.Generator) -> FloatArray:
    """Draw the delay of the measured time after the arrival of the light, see `delay_law`.

    Parameters
    ----------
    electrons
        (n,) numbers of photoelectrons.
    rng
        Source of the random numbers.

    Returns
    -------
    numpy.ndarray
        (n,) s.
    """
    law = delay_law(electrons)
    return np.asarray(
        rng.standard_gamma(law.shape) / law.rate + law.jitter * rng.standard_normal(len(law.shape)),
        dtype=np.float64,
    )
