"""A Gaussian core that goes over into an exponential tail towards low energies: closed forms.

With z = (x − peak)/σ the density is proportional to exp(−z²/2) above z = −k, and to exp(k²/2 + k z) below:
value and slope are continuous there. Source of the shape: S. Das, *A simple alternative to the Crystal Ball
function*, arXiv:1603.08591 (2016).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def log_shape(x: ArrayLike, peak: float, sigma: float, tail: float) -> Floats:
    """Return the logarithm of the shape, 0 at the peak.

    Parameters
    ----------
    x
        Energies, any shape.
    peak, sigma
        Mean and standard deviation of the core, in the unit of `x`.
    tail
        Where the tail begins: k > 0, in σ below the peak. A Gaussian for k → ∞.
    """
    z = (np.asarray(x, np.float64) - peak) / sigma
    return np.where(z > -tail, -0.5 * z**2, tail * (0.5 * tail + z))


def integral(low: ArrayLike, high: ArrayLike, peak: float, sigma: float, tail: float) -> Floats:
    """Integrate the shape from `low` to `high`, which broadcast, in the unit of energies.

    Parameters
    ----------
    low, high
        Limits, low ≤ high; −∞ and ∞ are allowed.
    peak, sigma, tail
        As in `log_shape`.
    """
    from scipy.special import ndtr

    first, last = ((np.asarray(limit, np.float64) - peak) / sigma for limit in (low, high))
    ends = np.minimum(first, -tail), np.minimum(last, -tail)
    falling = (np.exp(tail * (0.5 * tail + ends[1])) - np.exp(tail * (0.5 * tail + ends[0]))) / tail
    core = ndtr(np.maximum(last, -tail)) - ndtr(np.maximum(first, -tail))
    return np.asarray(sigma * (falling + np.sqrt(2 * np.pi) * core), np.float64)


def draw_samples(
    rng: np.random.Generator, n: int, peak: float, sigma: float, tail: float, window: tuple[float, float]
) -> Floats:
    """Draw energies of a line inside a window.

    Parameters
    ----------
    rng
        Source of chance.
    n
        Number of energies.
    peak, sigma, tail
        As in `log_shape`.
    window
        Lowest and highest energy.
    """
    from scipy.special import ndtri

    low, high = window
    join = min(max(peak - tail * sigma, low), high)
    falling = float(integral(low, join, peak, sigma, tail))
    core = float(integral(join, high, peak, sigma, tail))
    in_tail = rng.random(n) < falling / (falling + core)
    share = rng.random(n)
    # Both parts are inverted in closed form; logarithms keep a tail that is far away exact.
    rate = tail / sigma
    below = join + np.log(share + (1 - share) * np.exp(-rate * (join - low))) / rate
    ends = [(limit - peak) / sigma for limit in (join, high)]
    from scipy.special import ndtr

    above = peak + sigma * ndtri(ndtr(ends[0]) + share * (ndtr(ends[1]) - ndtr(ends[0])))
    return np.asarray(np.where(in_tail, below, above), np.float64)
