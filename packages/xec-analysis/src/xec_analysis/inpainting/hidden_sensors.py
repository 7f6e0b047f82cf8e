"""Choices of hidden sensors: a list of dead channels, or healthy ones at random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from xec_analysis.errors import AnalysisError
from xec_data.dead_channels.sources import DeadChannelSource, open_dead_channels
from xec_data.reading.file_paths import find_files
from xec_data.reading.tree_info import inspect_tree
from xec_data.schema.branches import TREE_NAME, is_invalid
from xec_geometry import FACES, N_SENSORS, face_ids
from xec_geometry.errors import did_you_mean

Bools = NDArray[np.bool_]


class Validation(Protocol):
    """A choice of hidden sensors."""

    @property
    def title(self) -> str:
        """Description for headers."""

    def hide(self, npho: NDArray[np.float32], runs: NDArray[np.integer] | None) -> tuple[Bools, Bools]:
        """Return the sensors hidden for the test, and the dead ones, both (n, N_SENSORS)."""


@dataclass(frozen=True)
class PseudoExperiment:
    """The sensors of a list of dead channels are hidden in all (simulated) events.

    Attributes
    ----------
    dead
        (N_SENSORS,) the list.
    """

    dead: Bools

    @property
    def title(self) -> str:
        """Description for headers."""
        return f"pseudo-experiment: {int(self.dead.sum())} sensors of a list of dead channels hidden"

    def hide(self, npho: NDArray[np.float32], runs: NDArray[np.integer] | None) -> tuple[Bools, Bools]:  # noqa: ARG002
        """See `Validation.hide`; sensors without a valid count in the event are dead, in the list or not."""
        invalid = is_invalid(npho)
        return self.dead & ~invalid, invalid


@dataclass
class HealthySensors:
    """Healthy sensors are hidden at random, the same fraction of every face, different ones in every event.

    Attributes
    ----------
    fraction
        Fraction of the healthy sensors of each face; at least one sensor is hidden.
    seed
        The same seed hides the same sensors.
    source
        Source of sensors known as bad. Those without a valid count in an event are dead in any case.
    """

    fraction: float
    seed: int = 0
    source: DeadChannelSource | None = None
    _random: np.random.Generator = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not 0 < self.fraction < 1:
            raise AnalysisError(
                f"the fraction of hidden sensors is {self.fraction:g}; expected 0 < fraction < 1"
            )
        self._random = np.random.default_rng(self.seed)

    @property
    def title(self) -> str:
        """Description for headers."""
        share = f"{100 * self.fraction:.3g} % of the healthy sensors of each face"
        return f"{share} hidden at random (seed {self.seed})"

    def hide(self, npho: NDArray[np.float32], runs: NDArray[np.integer] | None) -> tuple[Bools, Bools]:
        """See `Validation.hide`."""
        dead = is_invalid(npho)
        if self.source is not None:
            dead |= self._listed(self.source, len(npho), runs)
        # Drawn event by event, so that chunks of any size give the same numbers.
        keys = np.where(dead, np.inf, self._random.random(npho.shape))
        hidden = np.zeros(npho.shape, dtype=bool)
        for face in FACES:
            ids = face_ids(face)
            healthy = (~dead[:, ids]).sum(axis=1)
            number = np.where(healthy > 1, np.maximum(np.rint(self.fraction * healthy), 1), 0).astype(int)
            ordered = np.sort(keys[:, ids], axis=1)
            last = np.take_along_axis(ordered, np.maximum(number - 1, 0)[:, np.newaxis], axis=1)
            hidden[:, ids] = (keys[:, ids] <= last) & (number > 0)[:, np.newaxis]
        return hidden, dead

    def _listed(self, source: DeadChannelSource, n: int, runs: NDArray[np.integer] | None) -> Bools:
        if runs is None:
            return np.broadcast_to(source.dead(), (n, N_SENSORS))
        numbers, which = np.unique(runs, return_inverse=True)
        listed: Bools = np.stack([source.dead(int(run)) for run in numbers])[which]
        return listed


VALIDATIONS = ("auto", "pseudo", "data")


def choose_validation(
    name: str,
    files: Sequence[str | Path],
    dead: str | None,
    *,
    fraction: float,
    seed: int,
    tree_name: str = TREE_NAME,
) -> PseudoExperiment | HealthySensors:
    """Choose the hidden sensors by the options of a user.

    Parameters
    ----------
    name
        One of `VALIDATIONS`; ``auto`` is a pseudo-experiment with a list and files that have the true energy.
    files
        The events.
    dead
        Source of dead channels, as for `open_dead_channels`.
    fraction, seed
        As for `HealthySensors`.
    tree_name
        Name of the tree.

    Raises
    ------
    AnalysisError
        If there is no such validation, or a pseudo-experiment has no dead channels to hide.
    DataError
        As `open_dead_channels`.
    """
    if name not in VALIDATIONS:
        raise AnalysisError(
            f"unknown validation {name!r}{did_you_mean(name, VALIDATIONS)}; expected {', '.join(VALIDATIONS)}"
        )
    source = open_dead_channels(dead, tree_name=tree_name) if dead is not None else None
    if name == "auto":
        simulated = all("energyTruth" in _branches(path, tree_name) for path in find_files(list(files)))
        name = "pseudo" if source is not None and simulated else "data"
    if name == "data":
        return HealthySensors(fraction, seed, source)
    if source is None:
        raise AnalysisError("a pseudo-experiment needs dead channels to hide: --dead SOURCE")
    listed = source.dead()
    if not listed.any():
        raise AnalysisError(f"{dead}: not one dead channel in it; a pseudo-experiment needs some to hide")
    return PseudoExperiment(listed)


def _branches(path: Path, tree_name: str) -> Sequence[str]:
    return tuple(inspect_tree(path, (), tree_name=tree_name, optional=("energyTruth",)).stored)
