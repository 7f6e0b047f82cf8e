"""Delays of sensors whose photoelectrons are known only by their charge: a table for many of them."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xec_analysis.likelihood.delays import delay_density, delay_moments
from xec_data.simulation.constants import SensorResponse
from xec_data.simulation.readout import delay_law

Floats = NDArray[np.float64]

# Rows, in photoelectrons. The rank of the photoelectron that sets the time is a whole number: up to a few
# hundred the delay rises and falls with every step of the rank, beyond these are smeared out.
_ROWS = np.concatenate([np.arange(1.0, 60.0), np.geomspace(60.0, 1000.0, 60), np.geomspace(1.5e3, 1.5e6, 16)])
_LOG_ROWS = np.log(_ROWS)
_NUMBERS = 13
_REACH = 3.0

# Columns: z = _EDGE + _FINE·sinh(c) standard deviations from the mean, c in equal steps. The density rises
# steeply at z = −1, where the light arrives; columns are close there.
_EDGE, _FINE = -1.0, 0.3
_FIRST, _LAST = (float(np.arcsinh((z - _EDGE) / _FINE)) for z in (-5.0, 11.0))
_N_COLUMNS = 192


class Delays(NamedTuple):
    """What a table tells about delays.

    Attributes
    ----------
    log_density
        Logarithm of the density.
    score
        Its derivative by the delay, in 1/s.
    """

    log_density: Floats
    score: Floats


def charge_variance(electrons: Floats, response: SensorResponse, gain_spread: float) -> Floats:
    """Return the variance of a charge, in photoelectrons², for numbers of photoelectrons.

    N·s² + n² for the sensor, times (1 + δ²), and δ²·N² for the gain.
    """
    own = electrons * response.single_spread**2 + response.noise**2
    return np.asarray(own * (1.0 + gain_spread**2) + (gain_spread * electrons) ** 2)


def likely_electrons(
    charge: Floats, expected: Floats, response: SensorResponse, gain_spread: float
) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of the photoelectrons, of charge and expectation together.

    Parameters
    ----------
    charge, expected
        In photoelectrons, of any shape.

    Notes
    -----
    Two normal distributions, around the charge with `charge_variance` and around the expectation with
    Poisson's variance, multiplied.
    """
    variance = charge_variance(expected, response, gain_spread)
    part = expected / (expected + variance)
    return np.asarray(expected + part * (charge - expected)), np.sqrt(part * variance)


class DelayTable:
    """Density of delays by the likely number of photoelectrons, see `likely_electrons`.

    The number itself is drawn from a normal distribution around the likely one, rounded.

    Parameters
    ----------
    response, gain_spread
        They fix how well the number is known.
    """

    def __init__(self, response: SensorResponse, gain_spread: float) -> None:
        rows = len(_ROWS)
        self._columns = np.linspace(_FIRST, _LAST, _N_COLUMNS)
        z = _EDGE + _FINE * np.sinh(self._columns)
        self._mean, self._log_width = np.empty(rows), np.empty(rows)
        self._log_density, self._score = np.empty((rows, _N_COLUMNS)), np.empty((rows, _N_COLUMNS))
        self._log_information = np.empty(rows)
        spread = likely_electrons(_ROWS, _ROWS, response, gain_spread)[1]
        for i, (row, width) in enumerate(zip(_ROWS, spread, strict=True)):
            self._fill(i, row, width, z)

    def _fill(self, i: int, row: float, spread: float, z: Floats) -> None:
        numbers = np.unique(np.rint(row + spread * np.linspace(-_REACH, _REACH, _NUMBERS)))
        numbers = numbers[numbers >= 1]
        edges = np.concatenate([[-np.inf], (numbers[1:] + numbers[:-1]) / 2, [np.inf]])
        weight = _normal_between((edges - row) / spread)
        law = delay_law(numbers)
        means, widths = delay_moments(law)
        mean = float(weight @ means)
        width = float(np.sqrt(weight @ (widths**2 + (means - mean) ** 2)))
        delay = np.broadcast_to(mean + width * z, (len(numbers), len(z)))
        logs, scores = delay_density(delay, law)
        logs += np.log(weight)[:, np.newaxis]
        highest = logs.max(axis=0)
        parts = np.exp(logs - highest)
        total = parts.sum(axis=0)
        score = (parts * scores).sum(axis=0) / total
        log_density = highest + np.log(total)
        self._mean[i], self._log_width[i] = mean, np.log(width)
        # In units of the width both are smooth from row to row.
        self._log_density[i], self._score[i] = log_density + np.log(width), score * width
        steps = np.gradient(z)
        information = (self._score[i] ** 2 * np.exp(self._log_density[i]) * steps).sum() / width**2
        self._log_information[i] = np.log(information)

    def information(self, electrons: Floats) -> Floats:
        """Return the Fisher information of a time about the arrival, in 1/s², of any shape.

        ∫ p'²/p dx. It exceeds one over the variance: with few photoelectrons the density has a steep edge.
        """
        return np.asarray(np.exp(np.interp(_log(electrons), _LOG_ROWS, self._log_information)))

    def mean(self, electrons: Floats) -> Floats:
        """Return the mean delay in s, of any shape."""
        return np.asarray(np.interp(_log(electrons), _LOG_ROWS, self._mean))

    def at(self, delay: Floats, electrons: Floats) -> Delays:
        """Return density and score of delays in s, for likely numbers of photoelectrons; any shape."""
        log_electrons = _log(electrons)
        row = np.clip(np.searchsorted(_LOG_ROWS, log_electrons, side="right") - 1, 0, len(_ROWS) - 2)
        down = (log_electrons - _LOG_ROWS[row]) / (_LOG_ROWS[row + 1] - _LOG_ROWS[row])
        mean, log_width = (_between(column, row, down) for column in (self._mean, self._log_width))
        width = np.exp(log_width)
        place = (np.arcsinh(((delay - mean) / width - _EDGE) / _FINE) - self._columns[0]) / (
            self._columns[1] - self._columns[0]
        )
        place = np.clip(place, 0.0, _N_COLUMNS - 1.0)
        column = np.minimum(place.astype(np.int64), _N_COLUMNS - 2)
        right = place - column
        first = row * _N_COLUMNS + column
        log_density, score = (
            (1.0 - down) * _between(table.ravel(), first, right)
            + down * _between(table.ravel(), first + _N_COLUMNS, right)
            for table in (self._log_density, self._score)
        )
        return Delays(log_density - log_width, score / width)


@cache
def delay_table(response: SensorResponse, gain_spread: float) -> DelayTable:
    """Return the table for a kind of sensor, made once."""
    return DelayTable(response, gain_spread)


def _log(electrons: Floats) -> Floats:
    return np.asarray(np.log(np.clip(electrons, _ROWS[0], _ROWS[-1])))


def _between(values: Floats, index: NDArray[np.int64], part: Floats) -> Floats:
    return np.asarray(values[index] * (1.0 - part) + values[index + 1] * part)


def _normal_between(edges: Floats) -> Floats:
    from scipy.special import ndtr

    return np.asarray(np.diff(ndtr(edges)))
