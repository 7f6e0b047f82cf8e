"""Fit of the simulation's point source to the sensors of every event: position and energy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from xec_analysis.estimators.light_pattern import windowed_pattern
from xec_analysis.estimators.polynomial import Polynomial
from xec_data.schema.branches import INVALID, is_invalid
from xec_data.simulation.constants import CONSTANTS
from xec_data.simulation.light_map import arrival_probability
from xec_data.simulation.volume import in_xenon
from xec_geometry import FIDUCIAL, face_ids, sensor_positions, uvw_to_xyz, xyz_to_uvw

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

SURPLUS = 1e-3
"""α of the variance μ + α·μ² (in units of the photon statistics): a shower is not a point."""

# Depths that sources are looked for at, in cm, and how many points calibrate them.
_DEPTHS = (0.3, 30.0)
_CALIBRATION_POINTS = 500

_LARGEST_STEP = 3.0
_DIFFERENCE = 1e-3
_FIRST_DAMPING = 1e-3
_LARGEST_DAMPING = 1e8

# Events at a time: about eight tables of (events, N_SENSORS) are alive at once.
_BLOCK = 50


@dataclass(frozen=True)
class LightMapFit:
    """The point sources of n events.

    Attributes
    ----------
    uvw
        (n, 3) in cm; NaN for events without light on the inner face.
    energy
        (n,) GeV that give the observed light.
    photons
        (n, N_SENSORS) mean photons that the source sends to every sensor, hidden or not.
    converged
        (n,) whether the fit converged.
    """

    uvw: Floats
    energy: Floats
    photons: Floats
    converged: Bools


def find_sources(npho: NDArray[np.floating], hidden: Bools) -> Floats:
    """Estimate the source of the light by its centre and width on the inner face.

    Parameters
    ----------
    npho
        (n, N_SENSORS) raw photons.
    hidden
        (n, N_SENSORS): sensors that must not be used.

    Returns
    -------
    numpy.ndarray
        (n, 3) x, y, z in cm, in the xenon; NaN for events without light on the inner face. Centre and
        width are translated into u, v, w by a calibration with points of the light map.
    """
    return np.asarray(uvw_to_xyz(_start(np.where(hidden, INVALID, npho))))


def fit_light_map(
    npho: NDArray[np.floating],
    hidden: Bools,
    *,
    surplus: float = SURPLUS,
    tolerance: float = 1e-4,
    max_steps: int = 40,
) -> LightMapFit:
    """Fit position and energy of a point source to the visible sensors of every event.

    Parameters
    ----------
    npho
        (n, N_SENSORS) raw photons.
    hidden
        (n, N_SENSORS): sensors that the fit must not use. Invalid readings are not used either.
    surplus
        α of the assumed variance μ + α·μ²; 0 is the likelihood of Poisson statistics.
    tolerance
        The fit of an event ends with a step shorter than this, in cm and as a part of the energy.
    max_steps
        The fit ends after so many in any case.

    Returns
    -------
    LightMapFit
        Sources, and the light of each on every sensor.

    Notes
    -----
    Maximizes Σ k·ln(μ/(1 + αμ)) − ln(1 + αμ)/α, whose derivative in μ is (k − μ)/(μ + αμ²): the likelihood of
    negative binomial counts, and of Poisson counts for α = 0. Fisher scoring, damped after Levenberg and
    Marquardt, for many events at once; derivatives in the position are differences.
    """
    npho = np.asarray(npho)
    visible = ~np.asarray(hidden, dtype=bool) & ~is_invalid(npho)
    uvw = _start(np.where(visible, npho, INVALID))
    fit = LightMapFit(
        uvw, np.full(len(npho), np.nan), np.full(npho.shape, np.nan), np.zeros(len(npho), dtype=bool)
    )
    lit = np.flatnonzero(np.isfinite(uvw).all(axis=1))
    for start in range(0, len(lit), _BLOCK):
        events = lit[start : start + _BLOCK]
        counts = np.where(visible[events], npho[events], 0.0).astype(np.float64)
        fitter = _LikelihoodFit(counts, visible[events], uvw[events], surplus)
        fit.converged[events] = fitter.run(tolerance, max_steps)
        fit.uvw[events], fit.energy[events] = fitter.uvw, np.exp(fitter.log_energy)
        fit.photons[events] = fitter.photons
    return fit


class _LikelihoodFit:
    """The maximization of the likelihoods of a block of events.

    Parameters
    ----------
    counts
        (n, N_SENSORS), zero where not visible.
    visible
        (n, N_SENSORS).
    uvw
        (n, 3) starting points.
    surplus
        α of the variance.
    """

    def __init__(self, counts: Floats, visible: Bools, uvw: Floats, surplus: float) -> None:
        self._counts, self._visible, self._surplus = counts, visible, surplus
        n = len(counts)
        self.uvw = uvw.copy()
        self._probability = arrival_probability(np.asarray(uvw_to_xyz(uvw)))
        seen = np.where(visible, self._probability, 0.0).sum(axis=1)
        energy = np.maximum(counts.sum(axis=1), 1.0) / seen * CONSTANTS.energy_per_photon
        self.log_energy = np.log(energy)
        self.photons = self._probability * (energy / CONSTANTS.energy_per_photon)[:, np.newaxis]
        self._log_likelihood = self._evaluate(np.arange(n), self.photons)
        self._gradient, self._curvature = np.empty((n, 4)), np.empty((n, 4, 4))
        self._update_derivatives(np.arange(n))

    def run(self, tolerance: float, max_steps: int) -> Bools:
        """Iterate until the steps are short; return for which events they became so."""
        damping = np.full(len(self.uvw), _FIRST_DAMPING)
        done = np.zeros(len(self.uvw), dtype=bool)
        for _ in range(max_steps):
            events = np.flatnonzero(~done & (damping < _LARGEST_DAMPING))
            if not len(events):
                break
            step = self._step(events, damping[events])
            better = self._take_steps(events, step)
            damping[events] *= np.where(better, 0.1, 10.0)
            short = np.abs(step).max(axis=1) < tolerance
            # Once rounding hides any increase, a short step counts as converged, too.
            done[events] = short
            self._update_derivatives(events[better & ~short])
        return done

    def _step(self, events: NDArray[np.int64], damping: Floats) -> Floats:
        curvature = self._curvature[events]
        diagonal = np.einsum("nii->ni", curvature)
        damped = curvature + (damping[:, np.newaxis] * diagonal)[:, :, np.newaxis] * np.eye(4)
        step: Floats = np.linalg.solve(damped, self._gradient[events][..., np.newaxis])[..., 0]
        length = np.linalg.norm(step[:, :3], axis=1, keepdims=True)
        step[:, :3] *= np.minimum(1.0, _LARGEST_STEP / np.maximum(length, 1e-300))
        step[:, 3] = np.clip(step[:, 3], -1.0, 1.0)
        return step

    def _take_steps(self, events: NDArray[np.int64], step: Floats) -> Bools:
        """Take the steps that increase the likelihood; return which do."""
        uvw = self.uvw[events] + step[:, :3]
        uvw[:, 2] = np.clip(uvw[:, 2], *_DEPTHS)
        log_energy = self.log_energy[events] + step[:, 3]
        xyz = np.asarray(uvw_to_xyz(uvw))
        inside = in_xenon(xyz)
        probability = arrival_probability(xyz)
        photons = probability * (np.exp(log_energy) / CONSTANTS.energy_per_photon)[:, np.newaxis]
        height = self._evaluate(events, photons)
        better = np.asarray(inside & (height > self._log_likelihood[events]))
        won = events[better]
        self.uvw[won], self.log_energy[won] = uvw[better], log_energy[better]
        self._probability[won], self.photons[won] = probability[better], photons[better]
        self._log_likelihood[won] = height[better]
        return better

    def _evaluate(self, events: NDArray[np.int64], photons: Floats) -> Floats:
        alpha, counts = self._surplus, self._counts[events]
        mu = np.maximum(photons, 1e-12)
        if alpha > 0:
            spread = np.log1p(alpha * mu)
            terms = counts * (np.log(mu) - spread) - spread / alpha
        else:
            terms = counts * np.log(mu) - mu
        height: Floats = np.where(self._visible[events], terms, 0.0).sum(axis=1)
        return height

    def _update_derivatives(self, events: NDArray[np.int64]) -> None:
        """Compute gradient and expected curvature of the likelihood in u, v, w and log(energy)."""
        if not len(events):
            return
        photons = self.photons[events]
        emitted = np.exp(self.log_energy[events]) / CONSTANTS.energy_per_photon
        slopes = np.empty((4, *photons.shape))
        for axis, shift in enumerate(_DIFFERENCE * np.eye(3)):
            there = arrival_probability(np.asarray(uvw_to_xyz(self.uvw[events] + shift)))
            slopes[axis] = (there - self._probability[events]) * (emitted / _DIFFERENCE)[:, np.newaxis]
        slopes[3] = photons
        mu = np.maximum(photons, 1e-12)
        weight = np.where(self._visible[events], 1.0 / (mu + self._surplus * mu**2), 0.0)
        self._gradient[events] = np.einsum("ans,ns->na", slopes, weight * (self._counts[events] - photons))
        weighted = slopes * weight
        self._curvature[events] = np.einsum("ans,bns->nab", weighted, slopes, optimize=True)


def _start(npho: NDArray[np.floating]) -> Floats:
    """Sources (n, 3) in u, v, w, from the pattern of light on the inner face."""
    pattern = windowed_pattern(npho)
    u, v, w = _calibration()
    usable = np.isfinite(pattern.u)
    uvw = np.full((len(npho), 3), np.nan)
    place = (u(pattern.u[usable, np.newaxis]), v(pattern.v[usable, np.newaxis]), w(pattern.shape[usable]))
    uvw[usable] = np.column_stack(place)
    low, high = _bounds()
    return np.asarray(np.clip(uvw, low, high))


@cache
def _bounds() -> tuple[Floats, Floats]:
    """Return the limits of starting points: in front of the inner face, up to its outermost sensors."""
    edge = np.abs(xyz_to_uvw(sensor_positions()[face_ids("inner")])).max(axis=0)
    return np.append(-edge[:2], _DEPTHS[0]), np.append(edge[:2], _DEPTHS[1])


@cache
def _calibration() -> tuple[Polynomial, Polynomial, Polynomial]:
    """Calibrate u, v and the depth with the centre and the width of the light, on points of the light map."""
    rng = np.random.default_rng(0)
    n = _CALIBRATION_POINTS
    u, v = (rng.uniform(-limit, limit, n) for limit in (FIDUCIAL.u_max, FIDUCIAL.v_max))
    w = np.exp(rng.uniform(np.log(_DEPTHS[0]), np.log(_DEPTHS[1]), n))
    pattern = windowed_pattern(arrival_probability(np.asarray(uvw_to_xyz(np.column_stack([u, v, w])))) * 1e6)
    return (
        Polynomial.fit(pattern.u[:, np.newaxis], u, degree=1),
        Polynomial.fit(pattern.v[:, np.newaxis], v, degree=1),
        Polynomial.fit(pattern.shape, w, degree=3),
    )
