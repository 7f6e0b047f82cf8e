"""Maximum-likelihood fit of point events: position, energy and time from counts and times together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xec_analysis.estimators.baselines import Readings
from xec_analysis.likelihood.point_source import NANOSECOND, ReadingLikelihood
from xec_analysis.likelihood.readout_model import ReadoutModel
from xec_data.schema.branches import INVALID, is_invalid
from xec_geometry import N_SENSORS, SensorTable, direction_to_angles, face_ids, uvw_to_xyz
from xec_models.point_source.counts import CountLikelihood
from xec_models.point_source.fisher_scoring import maximize
from xec_models.point_source.light_map_fit import LARGEST_STEP, starting_parameters, starting_points
from xec_models.point_source.point_light import FastPointLight, near_shadow

Floats = NDArray[np.float64]

# Depths between which sources are looked for, in cm.
_DEPTHS = (0.02, 40.0)

# In standard deviations. The first fit only has to come near.
_ROUGH = 0.3
_TOLERANCE = 0.03
_LARGEST_STEP = np.append(LARGEST_STEP, 1.0)
_MAX_STEPS = 40

# The likelihood jumps where a sensor steps into the shadow of the inner cylinder, and would hold a fit. So
# the first one uses the inner face, which is never in the shadow, and the second one no sensor that would
# step within this many cm.
_SHADOW_REACH = 0.2

# Events at a time: about twenty tables of (events, N_SENSORS) are alive at once.
_BLOCK = 50


@dataclass(frozen=True)
class PointFit:
    """The fitted sources of n events.

    Attributes
    ----------
    uvw
        (n, 3) in cm; NaN, as the others, for events without light on the inner face.
    energy
        (n,) in GeV.
    time
        (n,) start of the light in s, on the clock of the times; NaN without a valid one.
    converged
        (n,) whether the fit converged.
    """

    uvw: Floats
    energy: Floats
    time: Floats
    converged: NDArray[np.bool_]


def fit_points(
    npho: NDArray[np.floating],
    time: NDArray[np.floating],
    *,
    readout: ReadoutModel | None = None,
    geometry: SensorTable | None = None,
) -> PointFit:
    """Fit a point source to the readings of every event.

    Parameters
    ----------
    npho, time
        (n, N_SENSORS) raw photons, and times in s. Invalid readings are not used.
    readout
        Statistics of the readings; by default those of the simulation with unknown gains.
    geometry
        Where the sensors stand; nominal by default.

    Returns
    -------
    PointFit
        For point events it reaches the bound of `cramer_rao_bound`, but for those within a millimetre of
        the inner face, whose few bright sensors do not fix them. Showers are not points: their fit is neither
        efficient nor without bias.

    Notes
    -----
    The counts of the inner face first, by `CountVariance.log_likelihood` with the variance of the readout;
    then all counts and times, by the density of the delays. Fisher scoring of many events at once.
    """
    npho, time = np.asarray(npho), np.asarray(time)
    visible = ~is_invalid(npho)
    timed = visible & ~is_invalid(time)
    model, light = ReadoutModel() if readout is None else readout, FastPointLight(geometry)
    n = len(npho)
    inner = np.zeros(N_SENSORS, dtype=bool)
    inner[face_ids("inner")] = True
    uvw = starting_points(np.where(visible, npho, INVALID), geometry)
    fit = PointFit(np.full((n, 3), np.nan), np.full(n, np.nan), np.full(n, np.nan), np.zeros(n, dtype=bool))
    lit = np.flatnonzero(np.isfinite(uvw).all(axis=1))
    for first in range(0, len(lit), _BLOCK):
        events = lit[first : first + _BLOCK]
        seen, known = visible[events], timed[events]
        counts = np.where(seen, npho[events], 0.0).astype(np.float64)
        times = np.where(known, time[events], 0.0).astype(np.float64)
        rough, _ = maximize(
            CountLikelihood(light, counts, seen & inner, model.count_variance),
            starting_parameters(light, counts, seen & inner, uvw[events]),
            limits=_limits(4),
            largest_step=LARGEST_STEP,
            tolerance=_ROUGH,
            max_steps=_MAX_STEPS,
        )
        lit_up = ~near_shadow(rough[:, :3], _SHADOW_REACH, geometry)
        likelihood = ReadingLikelihood(light, counts, seen & lit_up, times, known & lit_up, rough, model)
        found, fit.converged[events] = maximize(
            likelihood,
            likelihood.start,
            limits=_limits(5),
            largest_step=_LARGEST_STEP,
            tolerance=_TOLERANCE,
            max_steps=_MAX_STEPS,
        )
        fit.uvw[events], fit.energy[events] = found[:, :3], np.exp(found[:, 3])
        fit.time[events] = np.where(known.any(axis=1), found[:, 4] * NANOSECOND, np.nan)
    return fit


def fit_point_events(
    chunk: Readings, *, readout: ReadoutModel | None = None, geometry: SensorTable | None = None
) -> dict[str, Floats]:
    """Estimate all quantities of events as point sources, like `Baselines.predict`.

    Parameters
    ----------
    chunk
        `npho` and `time`, (n, N_SENSORS) raw readings: an `EventChunk` is one.
    readout, geometry
        As for `fit_points`.

    Returns
    -------
    dict
        Task to (n, outputs) float64 in xec's units: `uvwFI`, `energy`, `timing`, `angle` (from the origin to
        the point). NaN where an event has no light on the inner face, or no time.
    """
    fit = fit_points(chunk["npho"], chunk["time"], readout=readout, geometry=geometry)
    return {
        "angle": np.column_stack(direction_to_angles(uvw_to_xyz(fit.uvw), degrees=True)),
        "energy": fit.energy[:, np.newaxis],
        "timing": fit.time[:, np.newaxis],
        "uvwFI": fit.uvw,
    }


def _limits(size: int) -> tuple[Floats, Floats]:
    low, high = np.full(size, -np.inf), np.full(size, np.inf)
    low[2], high[2] = _DEPTHS
    return low, high
