"""Conventional estimators of position, energy, time and direction, without a network.

Two recipes, the anchors of networks without anything learned. `simple`: charge-weighted position on the inner
face and its spread, sum of all photons, first times. `refined`: a centre in a window that follows the light,
photons scaled to the walls between the sensors, mean of the bright sensors' times. Both take the direction
from the origin to the position, subtract light paths from times, and are calibrated, with a few numbers per
quantity, on the truth of training events. They compute in double precision.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from xec_analysis.errors import AnalysisError
from xec_data.reading.reader import EventReader
from xec_data.schema.branches import NPHO_BRANCH, SENSOR_BRANCHES, TIME_BRANCH, TREE_NAME, is_invalid
from xec_data.tasks.table import TASKS
from xec_geometry import SensorTable
from xec_geometry.support.registry import Registry
from xec_models.anchor.conventional import AnchorTruth, ConventionalReconstruction
from xec_models.anchor.in_double import build_in_double, estimates
from xec_models.blocks.namespace import TORCH
from xec_models.errors import ModelError

Floats = NDArray[np.float64]


class Readings(Protocol):
    """Branches of events by name: an `EventChunk`, or a dictionary of arrays."""

    def __getitem__(self, name: str, /) -> NDArray[Any]:
        """The array of a branch."""


_CHUNK = 1000

TRUTH = ("uvwTruth", "energyTruth", "timeTruth")
TASKS_ESTIMATED = ("angle", "energy", "timing", "uvwFI")
DEFAULT_EVENTS = 5000


@dataclass(frozen=True)
class Recipe:
    """A set of estimators.

    Attributes
    ----------
    name
        Its name.
    anchor
        The anchor of networks that it is, a name in `ANCHORS`.
    """

    name: str
    anchor: str

    def build(self, geometry: SensorTable | None = None) -> ConventionalReconstruction:
        """Return the estimators for a geometry, not yet calibrated, in double precision."""
        return build_in_double(self.anchor, geometry)


RECIPES = Registry("recipe", (Recipe("simple", "sums"), Recipe("refined", "light")), error=AnalysisError)
"""Sets of conventional estimators, by name."""


@dataclass(frozen=True)
class Baselines:
    """Calibrated estimators.

    Attributes
    ----------
    recipe
        The measurements.
    reconstruction
        The same with its calibrations.
    """

    recipe: Recipe
    reconstruction: ConventionalReconstruction

    @property
    def n_events(self) -> int:
        """Number of events that the calibrations were fitted to."""
        return int(self.reconstruction.n_events)

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
        parts: dict[str, list[Floats]] = {task: [] for task in TASKS_ESTIMATED}
        npho, time = (np.asarray(chunk[name]) for name in SENSOR_BRANCHES)
        for estimate in estimates(self.reconstruction, npho, time):
            for task, values in parts.items():
                anchor = TASKS[task].anchor
                assert anchor is not None
                values.append(anchor(TORCH, estimate).numpy())
        return {task: np.concatenate(values) for task, values in parts.items()}


def calibrate(
    recipe: str,
    npho: NDArray[Any],
    time: NDArray[Any],
    uvw: NDArray[Any],
    energy: NDArray[Any],
    start: NDArray[Any],
    *,
    geometry: SensorTable | None = None,
) -> Baselines:
    """Fit the calibrations to the truth of some events.

    Parameters
    ----------
    recipe
        A key of `RECIPES`: simple or refined.
    npho, time
        (n, N_SENSORS) raw readings.
    uvw, energy, start
        (n, 3) true points in cm, (n,) energies in GeV and times in s; invalid ones are not used.
    geometry
        Where the sensors stand; nominal by default.

    Raises
    ------
    AnalysisError
        If there is no such recipe, or too few events have valid truth and light.
    """
    chosen = RECIPES.get_named(recipe)
    reconstruction = chosen.build(geometry)
    truth = (np.where(is_invalid(values), np.nan, values) for values in (uvw, energy, start))
    try:
        reconstruction.fit(
            torch.as_tensor(npho),
            torch.as_tensor(time),
            AnchorTruth(*(torch.as_tensor(values).double() for values in truth)),
        )
    except ModelError as error:
        raise AnalysisError(f"baselines: {error}") from error
    return Baselines(chosen, reconstruction)


def fit_baselines(
    files: str | Path | Sequence[str | Path],
    recipe: str = "refined",
    *,
    max_events: int = DEFAULT_EVENTS,
    tree_name: str = TREE_NAME,
    npho_branch: str = NPHO_BRANCH,
    time_branch: str = TIME_BRANCH,
    geometry: SensorTable | None = None,
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
    geometry
        Where the sensors stand; nominal by default.

    Raises
    ------
    AnalysisError
        If there is no such recipe, or too few events have valid truth and light.
    DataError
        If the files do not have the branches.
    """
    RECIPES.get_named(recipe)
    branches = (*SENSOR_BRANCHES, *TRUTH)
    reader = EventReader(
        files,
        branches,
        tree_name=tree_name,
        npho_branch=npho_branch,
        time_branch=time_branch,
        chunk_size=_CHUNK,
    )
    with reader:
        chunks = list(_first(reader, max_events))
    return calibrate(
        recipe,
        *(np.concatenate([chunk[name] for chunk in chunks]) for name in branches),
        geometry=geometry,
    )


def _first(chunks: Iterable[Any], n: int) -> Iterator[Readings]:
    """The first n events of a sequence of chunks."""
    for chunk in chunks:
        if n <= 0:
            return
        yield chunk if len(chunk) <= n else {name: values[:n] for name, values in chunk.items()}
        n -= len(chunk)
