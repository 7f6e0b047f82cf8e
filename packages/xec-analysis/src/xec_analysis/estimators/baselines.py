"""Conventional estimators of position, energy, time and direction, without a network.

Two recipes. `simple`: charge-weighted position on the inner face and its spread, sum of all photons, first
times. `refined`: a centre in a window that follows the light, photons scaled to the walls between the
sensors, mean of the bright sensors' times. Both take the direction from the origin to the position, subtract
light paths from times, and are calibrated, with a few numbers per quantity, on the truth of training events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from xec_analysis.errors import AnalysisError
from xec_analysis.estimators.light_pattern import LightPattern, summed_pattern, windowed_pattern
from xec_analysis.estimators.light_start_times import first_time, path_corrected_time
from xec_analysis.estimators.polynomial import Polynomial
from xec_data.reading.reader import EventReader
from xec_data.schema.branches import NPHO_BRANCH, TIME_BRANCH, TREE_NAME, is_invalid
from xec_geometry import direction_to_angles, uvw_to_xyz
from xec_geometry.support.registry import Registry

Floats = NDArray[np.float64]


class Readings(Protocol):
    """Branches of events by name: an `EventChunk`, or a dictionary of arrays."""

    def __getitem__(self, name: str, /) -> NDArray[Any]:
        """The array of a branch."""


_CHUNK = 1000

TRUTH = ("uvwTruth", "energyTruth", "timeTruth")
MINIMUM_EVENTS = 50
DEFAULT_EVENTS = 5000


TimeEstimator = Callable[[NDArray[Any], NDArray[Any], Floats], Floats]


@dataclass(frozen=True)
class Recipe:
    """A set of estimators.

    Attributes
    ----------
    name
        Its name.
    pattern
        (n, N_SENSORS) counts to the pattern of the light.
    time
        Counts, times and (n, 3) points to the (n,) times at which the light started.
    depth_degree, energy_degree
        Degrees of the calibrations: of the depth in the light's shape, of the photon yield in (u, v, w).
    """

    name: str
    pattern: Callable[[NDArray[Any]], LightPattern]
    time: TimeEstimator
    depth_degree: int
    energy_degree: int


@dataclass(frozen=True)
class Baselines:
    """Calibrated estimators.

    Attributes
    ----------
    recipe
        The measurements.
    u, v, w
        Calibrations of the position, in cm.
    energy
        GeV per photon.
    time_offset
        What is added to the measured time, in s.
    n_events
        Number of events that the calibrations were fitted to.
    """

    recipe: Recipe
    u: Polynomial
    v: Polynomial
    w: Polynomial
    energy: Polynomial
    time_offset: float
    n_events: int

    def predict(self, chunk: Readings) -> dict[str, Floats]:
        """Estimate all quantities of events.

        Parameters
        ----------
        chunk
            `npho` and `time`, (n, N_SENSORS) raw readings: an `EventChunk` is one.

        Returns
        -------
        dict
            Task to (n, outputs) float64 in xec's units: `uvwFI`, `energy`, `timing`, `angle`. NaN where
            an event has too little light.
        """
        pattern = self.recipe.pattern(chunk["npho"])
        uvw = _position(self.u, self.v, self.w, pattern)
        xyz = uvw_to_xyz(uvw)
        energy = pattern.photons * self.energy(uvw)
        time = self.recipe.time(chunk["npho"], chunk["time"], xyz) + self.time_offset
        return {
            "angle": np.column_stack(direction_to_angles(xyz, degrees=True)),
            "energy": energy[:, np.newaxis],
            "timing": time[:, np.newaxis],
            "uvwFI": uvw,
        }


def fit_baselines(
    files: str | Path | Sequence[str | Path],
    recipe: str = "refined",
    *,
    max_events: int = DEFAULT_EVENTS,
    tree_name: str = TREE_NAME,
    npho_branch: str = NPHO_BRANCH,
    time_branch: str = TIME_BRANCH,
) -> Baselines:
    """Fit the calibrations to the truth of training events.

    Parameters
    ----------
    files
        Files with `npho`, times, `uvwTruth`, `energyTruth` and `timeTruth`.
    recipe
        A key of `RECIPES`: simple or refined.
    max_events
        Largest number of events, from the beginning of the files.
    tree_name, npho_branch, time_branch
        As for `EventReader`.

    Raises
    ------
    AnalysisError
        If there is no such recipe, or fewer than `MINIMUM_EVENTS` events have valid truth and light.
    DataError
        If the files do not have the branches.
    """
    chosen = RECIPES.get_named(recipe)
    reader = EventReader(
        files,
        ("npho", "time", *TRUTH),
        tree_name=tree_name,
        npho_branch=npho_branch,
        time_branch=time_branch,
        chunk_size=_CHUNK,
    )
    with reader:
        pattern, truth = _measure(chosen, _first(reader, max_events))
        good = _usable(pattern, truth)
        if good.sum() < MINIMUM_EVENTS:
            raise AnalysisError(
                f"baselines: {good.sum()} of {len(good)} events have light and valid truth; "
                f"expected at least {MINIMUM_EVENTS} to calibrate with"
            )
        u, v, w, energy = _fit_light(chosen, pattern, truth, good)
        # The times need the position of every event: a second pass over the same events.
        xyz = uvw_to_xyz(_position(u, v, w, pattern))
        seen, start = [], 0
        for chunk in _first(reader, max_events):
            part = slice(start, start + len(chunk["npho"]))
            seen.append(chosen.time(chunk["npho"], chunk["time"], xyz[part]))
            start = part.stop
    late = truth["timeTruth"][good] - np.concatenate(seen)[good]
    late = late[np.isfinite(late)]
    return Baselines(
        chosen, u, v, w, energy, float(np.median(late)) if len(late) else np.nan, int(good.sum())
    )


RECIPES = Registry(
    "recipe",
    (
        Recipe("simple", summed_pattern, first_time, depth_degree=2, energy_degree=0),
        Recipe("refined", windowed_pattern, path_corrected_time, depth_degree=3, energy_degree=2),
    ),
    error=AnalysisError,
)
"""Sets of conventional estimators, by name."""


def _measure(recipe: Recipe, chunks: Iterable[Readings]) -> tuple[LightPattern, dict[str, Floats]]:
    """The pattern of light and the truth of all events of some chunks."""
    patterns, truths = [], []
    for chunk in chunks:
        patterns.append(recipe.pattern(chunk["npho"]))
        truths.append({name: np.asarray(chunk[name], dtype=np.float64) for name in TRUTH})
    pattern = LightPattern(
        *(np.concatenate([getattr(part, field.name) for part in patterns]) for field in fields(LightPattern))
    )
    return pattern, {name: np.concatenate([values[name] for values in truths]) for name in TRUTH}


def _fit_light(
    recipe: Recipe, pattern: LightPattern, truth: Mapping[str, Floats], good: NDArray[np.bool_]
) -> tuple[Polynomial, Polynomial, Polynomial, Polynomial]:
    uvw = truth["uvwTruth"][good]
    u = Polynomial.fit(pattern.u[good, np.newaxis], uvw[:, 0], degree=1)
    v = Polynomial.fit(pattern.v[good, np.newaxis], uvw[:, 1], degree=1)
    w = Polynomial.fit(pattern.shape[good], uvw[:, 2], degree=recipe.depth_degree)
    where = _position(u, v, w, pattern)[good]
    energy = Polynomial.fit(
        where, truth["energyTruth"][good], degree=recipe.energy_degree, factor=pattern.photons[good]
    )
    return u, v, w, energy


def _position(u: Polynomial, v: Polynomial, w: Polynomial, pattern: LightPattern) -> Floats:
    return np.column_stack(
        [u(pattern.u[:, np.newaxis]), v(pattern.v[:, np.newaxis]), np.maximum(w(pattern.shape), 0.0)]
    )


def _usable(pattern: LightPattern, truth: Mapping[str, Floats]) -> NDArray[np.bool_]:
    good = np.isfinite(pattern.u) & (pattern.photons > 0)
    for values in truth.values():
        good &= ~is_invalid(values).reshape(len(values), -1).any(axis=1)
    return np.asarray(good & (truth["energyTruth"] > 0))


def _first(chunks: Iterable[Any], n: int) -> Iterator[Readings]:
    """The first n events of a sequence of chunks."""
    for chunk in chunks:
        if n <= 0:
            return
        yield chunk if len(chunk) <= n else {name: values[:n] for name, values in chunk.items()}
        n -= len(chunk)
