"""Maximization of the likelihoods of many events at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Indices = NDArray[np.int64]

_FIRST_DAMPING = 1e-3
_LARGEST_DAMPING = 1e8
_TINY = 1e-300


class Expansion(NamedTuple):
    """Log-likelihoods of n events around their parameters.

    Attributes
    ----------
    height
        (n,) values; −∞ where the parameters are not allowed.
    gradient
        (n, k) first derivatives.
    information
        (n, k, k) expected second derivatives with the other sign.
    """

    height: Floats
    gradient: Floats
    information: Floats


Likelihood = Callable[[Indices, Floats], Expansion]
"""Indices of n events and their parameters (n, k) to the likelihoods there."""


def maximize(
    likelihood: Likelihood,
    start: Floats,
    *,
    limits: tuple[Floats, Floats],
    largest_step: Floats,
    tolerance: float,
    max_steps: int,
) -> tuple[Floats, Bools]:
    """Maximize the likelihood of every event by Fisher scoring, damped after Levenberg and Marquardt.

    Parameters
    ----------
    likelihood
        Of the events.
    start
        (n, k) parameters to start from.
    limits
        Smallest and largest value of each of the k parameters. While the likelihood of an event grows beyond
        a limit, the parameter stays there, and the others are maximized.
    largest_step
        (k,) the largest change at once of each parameter.
    tolerance
        A step that is shorter, in standard deviations of what it changes, is the last one of an event.
    max_steps
        An event is left after so many steps in any case.

    Returns
    -------
    parameters
        (n, k).
    converged
        (n,) whether the last step was that short.
    """
    parameters = start.copy()
    n = len(start)
    if not n:
        return parameters, np.zeros(0, dtype=bool)
    height, gradient, information = likelihood(np.arange(n), parameters)
    damping = np.full(n, _FIRST_DAMPING)
    done = np.zeros(n, dtype=bool)
    for _ in range(max_steps):
        events = np.flatnonzero(~done & (damping < _LARGEST_DAMPING))
        if not len(events):
            break
        slope, curvature = _hold(parameters[events], gradient[events], information[events], limits)
        step = _damped_step(slope, curvature, damping[events], largest_step)
        there = np.clip(parameters[events] + step, *limits)
        short = np.einsum("na,na->n", slope, step) < tolerance**2
        done[events] = short
        # The last step is right as long as none was wrong before; it need not be looked at.
        last = short & (damping[events] <= _FIRST_DAMPING)
        parameters[events[last]] = there[last]
        events, there = events[~short], there[~short]
        if not len(events):
            continue
        found = likelihood(events, there)
        better = found.height > height[events]
        damping[events] *= np.where(better, 0.1, 10.0)
        won = events[better]
        parameters[won], height[won] = there[better], found.height[better]
        gradient[won], information[won] = found.gradient[better], found.information[better]
    return parameters, done


def _hold(
    parameters: Floats, gradient: Floats, information: Floats, limits: tuple[Floats, Floats]
) -> tuple[Floats, Floats]:
    """Return gradient and information without the parameters that would leave their limits."""
    low, high = limits
    held = ((parameters <= low) & (gradient < 0)) | ((parameters >= high) & (gradient > 0))
    fixed = held[:, :, np.newaxis] | held[:, np.newaxis, :]
    return np.where(held, 0.0, gradient), np.where(fixed, np.eye(held.shape[1]), information)


def _damped_step(gradient: Floats, information: Floats, damping: Floats, largest: Floats) -> Floats:
    """Solve for steps (n, k); one of a parameter without information is 0, a long one is shortened."""
    k = gradient.shape[1]
    diagonal = np.einsum("nii->ni", information)
    extra = np.where(diagonal > 0, damping[:, np.newaxis] * diagonal, 1.0)
    damped = information + extra[:, :, np.newaxis] * np.eye(k)
    step = np.linalg.solve(damped, gradient[..., np.newaxis])[..., 0]
    excess = (np.abs(step) / largest).max(axis=1, keepdims=True)
    return np.asarray(step / np.maximum(excess, 1.0))


def inverse_information(information: Floats) -> Floats:
    """Return covariances (n, k, k): inverse Fisher information, infinite where it does not bound all.

    A parameter without any information is left out: only its own variance is infinite.
    """
    k = information.shape[-1]
    diagonal = np.einsum("nii->ni", information)
    known = diagonal > 0
    scale = 1.0 / np.sqrt(np.where(known, diagonal, 1.0))
    unit = information * scale[:, :, np.newaxis] * scale[:, np.newaxis, :]
    unit += np.where(known, 0.0, 1.0)[:, :, np.newaxis] * np.eye(k)
    values, vectors = np.linalg.eigh(unit)
    bounded = values[:, 0] > k * np.finfo(np.float64).eps
    inverse = np.einsum("nik,nk,njk->nij", vectors, 1.0 / np.maximum(values, _TINY), vectors)
    covariance = inverse * scale[:, :, np.newaxis] * scale[:, np.newaxis, :]
    unbounded = ~(known & bounded[:, np.newaxis])
    covariance[unbounded[:, :, np.newaxis] & np.eye(k, dtype=bool)] = np.inf
    return np.asarray(covariance)


def add_squares(information: Floats, weight: Floats, slopes: Floats, further: int) -> None:
    """Add Σ weight·∇∇ᵀ over sensors, with derivatives in u, v, w, and 1 in a further parameter.

    Parameters
    ----------
    information
        (n, k, k), added to.
    weight
        (n, sensors).
    slopes
        (3, n, sensors) derivatives.
    further
        Place of the further parameter among the k.
    """
    weighted = slopes * weight
    information[:, :3, :3] += np.einsum("ans,bns->nab", weighted, slopes, optimize=True)
    mixed = weighted.sum(axis=2).T
    information[:, :3, further] += mixed
    information[:, further, :3] += mixed
    information[:, further, further] += weight.sum(axis=1)
