"""Fit of the simulation's point source to the sensors of every event: position and energy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from xec_data.schema.branches import INVALID, is_invalid
from xec_data.simulation.constants import CONSTANTS
from xec_data.simulation.light_map import arrival_probability, expected_photons
from xec_geometry import FIDUCIAL, SensorTable, face_ids, sensor_positions, uvw_to_xyz, xyz_to_uvw
from xec_geometry.support.caching import cache
from xec_models.anchor.conventional import AnchorTruth, ConventionalReconstruction
from xec_models.anchor.in_double import build_in_double, estimates
from xec_models.point_source.counts import CountLikelihood, CountVariance
from xec_models.point_source.fisher_scoring import maximize
from xec_models.point_source.point_light import Light, exact_light

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

SURPLUS = 1e-3
"""α of the variance μ + α·μ² (in units of the photon statistics): a shower is not a point."""

# Depths between which sources are looked for, in cm.
_DEPTHS = (0.02, 30.0)

# Depths of the points that calibrate where a fit starts, and how many there are.
_STARTING_DEPTHS = (0.3, 30.0)
_CALIBRATION_POINTS = 500

LARGEST_STEP = np.array([3.0, 3.0, 3.0, 1.0])
"""Largest change at once of u, v, w in cm and of ln(E): further away the likelihood is another one."""

# Events at a time: about fifteen tables of (events, N_SENSORS) are alive at once.
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


def find_sources(npho: NDArray[np.floating], hidden: Bools, geometry: SensorTable | None = None) -> Floats:
    """Estimate the source of the light by its centre and width on the inner face.

    Parameters
    ----------
    npho
        (n, N_SENSORS) raw photons.
    hidden
        (n, N_SENSORS): sensors that must not be used.
    geometry
        Where the sensors stand; nominal by default.

    Returns
    -------
    numpy.ndarray
        (n, 3) x, y, z in cm, in the xenon; NaN for events without light on the inner face. Centre and
        width are translated into u, v, w by a calibration with points of the light map.
    """
    return np.asarray(uvw_to_xyz(starting_points(np.where(hidden, INVALID, npho), geometry)))


def fit_light_map(
    npho: NDArray[np.floating],
    hidden: Bools,
    *,
    surplus: float = SURPLUS,
    tolerance: float = 1e-2,
    max_steps: int = 40,
    geometry: SensorTable | None = None,
    light: Light | None = None,
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
        The fit of an event ends with a step shorter than this, in standard deviations of what it changes.
    max_steps
        The fit ends after so many in any case.
    geometry
        Where the sensors stand; nominal by default.
    light
        Of a point while it is fitted; by default the exact one. `FastPointLight` takes half the time, and its
        points are off by 0.01 mm.

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
    uvw = starting_points(np.where(visible, npho, INVALID), geometry)
    light = partial(exact_light, geometry=geometry) if light is None else light
    fit = LightMapFit(
        uvw, np.full(len(npho), np.nan), np.full(npho.shape, np.nan), np.zeros(len(npho), dtype=bool)
    )
    variance = CountVariance(0.0, 1.0, surplus)
    limits = np.array([[-np.inf, -np.inf, _DEPTHS[0], -np.inf], [np.inf, np.inf, _DEPTHS[1], np.inf]])
    lit = np.flatnonzero(np.isfinite(uvw).all(axis=1))
    for first in range(0, len(lit), _BLOCK):
        events = lit[first : first + _BLOCK]
        counts = np.where(visible[events], npho[events], 0.0).astype(np.float64)
        parameters, fit.converged[events] = maximize(
            CountLikelihood(light, counts, visible[events], variance),
            starting_parameters(light, counts, visible[events], uvw[events]),
            limits=(limits[0], limits[1]),
            largest_step=LARGEST_STEP,
            tolerance=tolerance,
            max_steps=max_steps,
        )
        fit.uvw[events], fit.energy[events] = parameters[:, :3], np.exp(parameters[:, 3])
        fit.photons[events] = expected_photons(uvw_to_xyz(parameters[:, :3]), fit.energy[events], geometry)
    return fit


def starting_parameters(light: Light, counts: Floats, visible: Bools, uvw: Floats) -> Floats:
    """Return u, v, w and the ln(E) that explains the sum of the visible counts, (n, 4)."""
    probability, _ = light(uvw)
    seen = np.where(visible, probability, 0.0).sum(axis=1)
    total = np.maximum(np.where(visible, counts, 0.0).sum(axis=1), 1.0)
    return np.column_stack([uvw, np.log(total / seen * CONSTANTS.energy_per_photon)])


def starting_points(npho: NDArray[np.floating], geometry: SensorTable | None = None) -> Floats:
    """Return sources (n, 3) in u, v, w, from the pattern of light on the inner face; NaN without any."""
    low, high = _bounds()
    no_times = np.full(npho.shape, np.nan)
    uvw = torch.cat([found.uvw for found in estimates(_calibrated(geometry), npho, no_times)])
    return np.asarray(np.clip(uvw.numpy(), low, high))


@cache
def _bounds() -> tuple[Floats, Floats]:
    """Return the limits of starting points: in front of the inner face, up to its outermost sensors."""
    edge = np.abs(xyz_to_uvw(sensor_positions()[face_ids("inner")])).max(axis=0)
    return np.append(-edge[:2], _STARTING_DEPTHS[0]), np.append(edge[:2], _STARTING_DEPTHS[1])


@cache
def _calibrated(geometry: SensorTable | None) -> ConventionalReconstruction:
    """Calibrate the reconstruction from the pattern of light with points of the light map."""
    rng = np.random.default_rng(0)
    n = _CALIBRATION_POINTS
    u, v = (rng.uniform(-limit, limit, n) for limit in (FIDUCIAL.u_max, FIDUCIAL.v_max))
    w = np.exp(rng.uniform(np.log(_STARTING_DEPTHS[0]), np.log(_STARTING_DEPTHS[1]), n))
    uvw = np.column_stack([u, v, w])
    npho = arrival_probability(np.asarray(uvw_to_xyz(uvw)), geometry) * 1e6
    # Neither energies nor times are asked for.
    no_times = torch.full(npho.shape, torch.nan)
    truth = (torch.as_tensor(values) for values in (uvw, np.ones(n), np.zeros(n)))
    reconstruction = build_in_double("light", geometry)
    reconstruction.fit(torch.as_tensor(npho), no_times, AnchorTruth(*truth))
    return reconstruction
