"""Bootstrap of moments: how often each event is drawn in every replica, shared by all quantities.

A replica draws as many events as there are, with replacement. A part of the events, a bin, has in a replica
those of its events that were drawn, so that all quantities and bins have the same replicas, and what their
events have in common is in common there. Sums over a replica are products of a matrix of counts and
the powers of residuals. Quantiles do not need the counts: see `xec_analysis.resolution.statistics`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xec_analysis.resolution.statistics import Number

Floats = NDArray[np.float64]

REPLICAS = 200
SEED = 20_240_229

# Below this share of the variance of all events, that of a replica is rounding.
_NO_VARIANCE = 1e-5

_ROWS = 1024


def draw_counts(n_events: int, replicas: int = REPLICAS) -> NDArray[np.uint8]:
    """Draw how often each event is in every replica, (n_events, replicas); the same for the same number."""
    rng = np.random.default_rng(SEED)
    counts = np.empty((replicas, n_events), np.uint8)
    for replica in counts:
        replica[:] = np.bincount(rng.integers(0, max(n_events, 1), n_events), minlength=n_events)
    return np.ascontiguousarray(counts.T)


@dataclass(frozen=True)
class Moments:
    """Mean, standard deviation and skewness of one quantity, each with its error."""

    mean: Number
    std: Number
    skewness: Number


def moments(values: Floats, counts: NDArray[np.uint8]) -> list[Moments]:
    """Return the moments of several quantities of the same events.

    Parameters
    ----------
    values
        (n, k) finite values of k quantities, n ≥ 1.
    counts
        (n, replicas) rows of `draw_counts` of these events.

    Returns
    -------
    list of Moments
        One for each quantity. What is not defined is NaN: an error or a spread of one event, a skewness
        without a spread or of fewer than three events.
    """
    n = len(values)
    # Centred and scaled: in single precision no digits are lost.
    mean, std = values.mean(axis=0), values.std(axis=0)
    # Equal values have a spread by rounding alone.
    std = np.where(np.ptp(values, axis=0) > 0, std, 0.0)
    scale = np.where(std > 0, std, 1.0)
    z = (values - mean) / scale
    square = z * z
    cube = square * z
    total, sums = _sums(np.concatenate([z, square, cube], axis=1), counts)
    with np.errstate(divide="ignore", invalid="ignore"):
        first, second, third = np.split(sums / total, 3)
        variance = np.maximum(second - first**2, 0.0)
        central = third - 3 * first * second + 2 * first**3
        skewness = np.where(variance > _NO_VARIANCE, central / variance**1.5, 0.0)
    drawn = total > 0
    errors = [
        _spread(replicas[:, drawn]) if n > 1 else np.full(values.shape[1], np.nan)
        for replicas in (first, np.sqrt(variance), skewness)
    ]
    whole = cube.mean(axis=0)
    found = []
    for k in range(values.shape[1]):
        has_spread, has_shape = n > 1, n > 2 and bool(std[k] > 0)
        found.append(
            Moments(
                _number(mean[k], errors[0][k] * scale[k]),
                _number(std[k], errors[1][k] * scale[k]) if has_spread else _number(np.nan, np.nan),
                _number(whole[k], errors[2][k]) if has_shape else _number(np.nan, np.nan),
            )
        )
    return found


def _sums(powers: Floats, counts: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """Events of every replica, (replicas,), and the sums of (n, m) powers over them, (m, replicas)."""
    columns = np.concatenate([np.ones((len(powers), 1)), powers], axis=1).astype(np.float32)
    sums = np.zeros((columns.shape[1], counts.shape[1]))
    # Counts become numbers for a product in parts that stay in the cache of a core.
    for start in range(0, len(columns), _ROWS):
        part = slice(start, start + _ROWS)
        sums += columns[part].T @ counts[part].astype(np.float32)
    return sums[0], sums[1:]


def _spread(replicas: Floats) -> Floats:
    if replicas.shape[1] < 2:
        return np.full(len(replicas), np.nan)
    return np.asarray(replicas.std(axis=1, ddof=1))


def _number(value: float, error: float) -> Number:
    return Number(float(value), float(error) if np.isfinite(error) else None)
