"""The likelihood of the counts of an event, given a point source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xec_data.simulation.constants import CONSTANTS
from xec_data.simulation.volume import in_xenon
from xec_geometry import uvw_to_xyz
from xec_models.point_source.fisher_scoring import Expansion, Indices, add_squares
from xec_models.point_source.point_light import Light, LightSlopes, light_slopes

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

DARK = 1e-12
"""Photons that a sensor is expected to get at least."""


@dataclass(frozen=True)
class CountVariance:
    """Variance of counts with the mean μ: a + b·μ + c·μ².

    Attributes
    ----------
    constant, linear, quadratic
        a ≥ 0, b > 0 and c ≥ 0, with b² > 4ac: numbers, or one a sensor.
    """

    constant: Any
    linear: Any
    quadratic: Any

    def at(self, mean: Floats) -> Floats:
        """Return the variance for means of any shape that ends with the sensors."""
        return np.asarray(self.constant + mean * (self.linear + mean * self.quadratic))

    def log_likelihood(self, counts: Floats, mean: Floats) -> Floats:
        """Return the log-likelihood of counts, up to a function of the counts.

        Notes
        -----
        The integral of (k − μ)/V(μ) over μ (Wedderburn, Biometrika 61 (1974) 439). It is the likelihood of
        Poisson counts for V = μ and that of negative binomial ones for V = μ + c·μ². In other cases too
        its maximum has no bias, and no estimate that is linear in the counts has a smaller variance.
        """
        root = np.sqrt(self.linear**2 - 4.0 * self.constant * self.quadratic)
        # V = √D·(μ + near)·(1 + μ/far): 1/far is 0 without a quadratic part, where it stays a tiny number.
        near = 2.0 * self.constant / (self.linear + root)
        inverse_far = np.maximum(2.0 * self.quadratic / (self.linear + root), 1e-30)
        bent = np.log1p(inverse_far * mean)
        return np.asarray(
            ((counts + near) * np.log(mean + near) - (counts + 1.0 / inverse_far) * bent) / root
        )


class CountLikelihood:
    """Log-likelihood of the counts of events in (u, v, w in cm, ln E in GeV): a `Likelihood`.

    Parameters
    ----------
    light
        Of a point.
    counts
        (n, N_SENSORS) photons, finite.
    visible
        (n, N_SENSORS) counts that are used.
    variance
        Of the counts.
    """

    def __init__(self, light: Light, counts: Floats, visible: Bools, variance: CountVariance) -> None:
        self._light, self._counts, self._visible, self._variance = light, counts, visible, variance

    def __call__(self, events: Indices, parameters: Floats) -> Expansion:
        """Expand the likelihoods of some events."""
        expansion, _ = self._expand(events, parameters, size=4)
        return expansion

    def _expand(self, events: Indices, parameters: Floats, size: int) -> tuple[Expansion, LightSlopes]:
        """Expand in the first four of `size` parameters."""
        uvw, log_energy = parameters[:, :3], parameters[:, 3]
        there = light_slopes(self._light, uvw)
        emitted = np.exp(log_energy)[:, np.newaxis] / CONSTANTS.energy_per_photon
        mean = np.maximum(there.probability * emitted, DARK)
        counts, visible = self._counts[events], self._visible[events]
        height = np.where(visible, self._variance.log_likelihood(counts, mean), 0.0).sum(axis=1)
        height[~in_xenon(np.asarray(uvw_to_xyz(uvw)))] = -np.inf
        weight = np.where(visible, mean / self._variance.at(mean), 0.0)
        score = weight * (counts - mean)
        gradient, information = np.zeros((len(uvw), size)), np.zeros((len(uvw), size, size))
        gradient[:, :3] = np.einsum("ans,ns->na", there.of_probability, score)
        gradient[:, 3] = score.sum(axis=1)
        add_squares(information, weight * mean, there.of_probability, 3)
        return Expansion(height, gradient, information), there
