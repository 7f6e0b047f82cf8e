"""Delays of measured times after the arrival of the light: their density."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xec_data.simulation.readout import DelayLaw

Floats = NDArray[np.float64]

_NODES = 24
_TINY = 1e-300


def delay_moments(law: DelayLaw) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of delays, in s."""
    return law.shape / law.rate, np.sqrt(law.shape / law.rate**2 + law.jitter**2)


def delay_density(delay: Floats, law: DelayLaw) -> tuple[Floats, Floats]:
    """Return the logarithm of the density of delays, and its derivative.

    Parameters
    ----------
    delay
        (n, m) in s.
    law
        n laws.

    Returns
    -------
    log_density, score
        (n, m), of a density in 1/s; derivative in 1/s.

    Notes
    -----
    p(x) = ∫ Gamma(y)·Normal(x − y) dy by Gauss–Legendre quadrature, where neither factor is negligible:
    six standard deviations of the normal one, and far in front of the edge y = 0 the first two behind it.
    """
    from scipy.special import gammaln

    shape, rate, jitter = (column[:, np.newaxis, np.newaxis] for column in law)
    middle, width = shape / rate, np.sqrt(shape) / rate
    x = delay[:, :, np.newaxis]
    low = np.maximum(np.maximum(x - 6.0 * jitter, np.minimum(middle - 8.0 * width, x)), 0.0)
    high = np.maximum(x + 6.0 * jitter, 2.0 * jitter)
    high = np.maximum(np.minimum(high, middle + 20.0 * width), low + 1e-3 * jitter)
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    y = low + 0.5 * (high - low) * (nodes + 1.0)
    pull = (x - y) / jitter
    exponent = (shape - 1.0) * np.log(rate * y) - rate * y - 0.5 * pull**2
    highest = exponent.max(axis=2, keepdims=True)
    terms = np.exp(exponent - highest) * weights
    total = terms.sum(axis=2)
    factor = 0.5 * (high - low) * rate / (np.sqrt(2.0 * np.pi) * jitter)
    log_density = np.log(total) + (highest + np.log(factor) - gammaln(shape))[:, :, 0]
    return log_density, (-pull / jitter * terms).sum(axis=2) / total
