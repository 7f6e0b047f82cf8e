"""A Gaussian of which a share of the events has lost energy: closed forms.

The lost energy is distributed exponentially, so that these events follow an exponential convolved with the
Gaussian. Their density is exp((x − peak)/λ + σ²/(2λ²)) Φ(−z − σ/λ)/λ with z = (x − peak)/σ and Φ the normal
distribution.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def density(x: ArrayLike, peak: float, sigma: float, share: float, length: float) -> Floats:
    """Return the density, normalized over all energies.

    Parameters
    ----------
    x
        Energies, any shape.
    peak, sigma
        Mean and standard deviation of the Gaussian, in the unit of `x`.
    share
        Share of the events that have lost energy.
    length
        Mean energy λ that they have lost, in the unit of `x`.
    """
    values = np.asarray(x, np.float64)
    core = np.exp(-0.5 * ((values - peak) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))
    return np.asarray((1 - share) * core + share * _lost(values, peak, sigma, length) / length)


def distribution(x: ArrayLike, peak: float, sigma: float, share: float, length: float) -> Floats:
    """Return the integral of the density from −∞ to `x`; parameters as for `density`."""
    from scipy.special import ndtr

    values = np.asarray(x, np.float64)
    return np.asarray(ndtr((values - peak) / sigma) + share * _lost(values, peak, sigma, length))


def _lost(x: Floats, peak: float, sigma: float, length: float) -> Floats:
    """Density of the events that have lost energy, times λ; in logarithms, or it would overflow."""
    from scipy.special import log_ndtr

    z, ratio = (x - peak) / sigma, sigma / length
    return np.asarray(np.exp((x - peak) / length + 0.5 * ratio**2 + log_ndtr(-z - ratio)))
