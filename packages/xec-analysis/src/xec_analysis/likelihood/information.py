"""What one sensor tells: Fisher information of its count about the light, of its time about the arrival."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from xec_analysis.likelihood.delay_table import charge_variance, delay_table, likely_electrons
from xec_data.simulation.constants import SensorResponse

Floats = NDArray[np.float64]

# Expected photoelectrons between which tables interpolate; above, and below with as good as no light, the
# limits hold.
_COUNTED = np.geomspace(1e-3, 100.0, 60)
_TIMED = np.geomspace(0.5, 1e6, 240)

# A charge sharper than this part of a photoelectron tells their number exactly as well.
_SHARPEST = 1e-3


def count_information(electrons: Floats, response: SensorResponse, gain_spread: float) -> Floats:
    """Return the Fisher information of a count about the logarithm of the light.

    Parameters
    ----------
    electrons
        Expected photoelectrons ν, of any shape.
    response, gain_spread
        Of the sensor.

    Returns
    -------
    numpy.ndarray
        Like `electrons`.

    Notes
    -----
    The density of the charge q is Σ_N Poisson(N; ν)·Normal(q; N, s_N²) with s_N² of `charge_variance`
    (exact but for the product of two normal factors, gain and charge). Its score about ln ν is
    E[N | q] − ν, and the information the variance of that. From 100 photoelectrons on it is
    ν²/V(ν), V = ν + s_ν² with the mean of s_N², to 1e-3: what the best estimate linear in the count has.
    """
    ratio = _count_ratio(response, gain_spread)
    return np.asarray(
        _linear_information(electrons, response, gain_spread)
        * np.interp(electrons, _COUNTED, ratio, right=1.0)
    )


def time_information(
    electrons: Floats, response: SensorResponse, gain_spread: float, npho_threshold: float
) -> Floats:
    """Return the Fisher information of a time about its arrival, in 1/s², 0 without a valid time.

    Parameters
    ----------
    electrons, response, gain_spread
        As for `count_information`.
    npho_threshold
        Photons below which a time is invalid.

    Notes
    -----
    The mean over the charges above the threshold of the information of `DelayTable`, charges normal around ν
    with the variance V(ν). What times tell about the number of photoelectrons, beyond the count, is left
    out: less than a thousandth of what counts tell about the energy.
    """
    table = _time_table(response, gain_spread, npho_threshold)
    return np.asarray(np.interp(electrons, _TIMED, table, left=0.0))


def _linear_information(electrons: Floats, response: SensorResponse, gain_spread: float) -> Floats:
    gain = gain_spread**2
    variance = electrons + charge_variance(electrons, response, gain_spread) + gain * electrons
    return np.asarray(electrons**2 / variance)


@cache
def _count_ratio(response: SensorResponse, gain_spread: float) -> Floats:
    """Exact information over that of the best linear estimate, for `_COUNTED`."""
    exact = np.array([_exact_information(nu, response, gain_spread) for nu in _COUNTED.tolist()])
    return np.asarray(exact / _linear_information(_COUNTED, response, gain_spread))


def _exact_information(nu: float, response: SensorResponse, gain_spread: float) -> float:
    from scipy.stats import poisson

    number = np.arange(max(0.0, np.floor(nu - 8.0 * nu**0.5)), np.ceil(nu + 8.0 * nu**0.5) + 12.0)
    chance = np.asarray(poisson.pmf(number, nu))
    spread = np.sqrt(np.maximum(charge_variance(number, response, gain_spread), _SHARPEST**2))
    nodes, weights = np.polynomial.hermite_e.hermegauss(24)
    charge = (number[:, np.newaxis] + spread[:, np.newaxis] * nodes)[:, :, np.newaxis]
    logs = -0.5 * ((charge - number) / spread) ** 2 - np.log(spread) + np.log(np.maximum(chance, 1e-300))
    posterior = np.exp(logs - logs.max(axis=2, keepdims=True))
    score = (posterior @ number) / posterior.sum(axis=2) - nu
    return float(chance @ score**2 @ weights / weights.sum())


@cache
def _time_table(response: SensorResponse, gain_spread: float, npho_threshold: float) -> Floats:
    from scipy.stats import norm

    table = delay_table(response, gain_spread)
    # Quantiles of the part of the charges above the threshold.
    steps = (np.arange(64) + 0.5) / 64
    spread = np.sqrt(_TIMED**2 / _linear_information(_TIMED, response, gain_spread))
    below = norm.cdf((npho_threshold * response.efficiency - _TIMED) / spread)[:, np.newaxis]
    pull = norm.isf((1.0 - below) * (1.0 - steps))
    charge = _TIMED[:, np.newaxis] + spread[:, np.newaxis] * pull
    likely, _ = likely_electrons(charge, _TIMED[:, np.newaxis], response, gain_spread)
    return np.asarray(((1.0 - below) * table.information(likely)).mean(axis=1))
