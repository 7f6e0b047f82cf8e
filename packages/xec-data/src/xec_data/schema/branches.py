"""The branches of an event file: one table, from which everything else follows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from xec_geometry import N_SENSORS

INVALID = 1e10
"""The number that stands for "no reading" in the files."""

INVALID_ABOVE = 9e9
"""A larger absolute value is no reading."""

TREE_NAME = "tree"
NPHO_BRANCH = "npho"
TIME_BRANCH = "relative_time"


@dataclass(frozen=True)
class Branch:
    """One quantity of an event.

    Attributes
    ----------
    name
        The name inside xec.
    shape
        The shape of one entry, ``()`` for a number.
    dtype
        The type that the reader returns.
    unit
        The unit that the reader returns, an empty string for pure numbers.
    meaning
        One line for people.
    aliases
        Other names under which files store it.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    unit: str
    meaning: str
    aliases: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """How many numbers one entry has."""
        return math.prod(self.shape)

    @property
    def bytes_per_event(self) -> int:
        """The memory that one entry takes in the arrays of the reader."""
        return self.size * np.dtype(self.dtype).itemsize


_PER_SENSOR = (N_SENSORS,)

SCHEMA: dict[str, Branch] = {
    branch.name: branch
    for branch in (
        Branch("npho", _PER_SENSOR, "float32", "photons", "photons per sensor", ("relative_npho",)),
        Branch("time", _PER_SENSOR, "float32", "s", "time per sensor", ("relative_time", "time")),
        Branch("emiAng", (2,), "float32", "deg", "emission angles (θ, φ) of the photon"),
        Branch("energyTruth", (), "float32", "GeV", "energy of the photon"),
        Branch("timeTruth", (), "float32", "s", "time of the first interaction"),
        Branch("uvwTruth", (3,), "float32", "cm", "first interaction point (u, v, w)"),
        Branch("xyzTruth", (3,), "float32", "cm", "first interaction point (x, y, z)"),
        Branch("emiVec", (3,), "float32", "", "emission direction, a unit vector"),
        Branch("xyzVTX", (3,), "float32", "cm", "vertex, the origin of the photon"),
        Branch("n_gamma", (), "int32", "", "number of photons in the event"),
        Branch("run", (), "int64", "", "number of the run"),
        Branch("event", (), "int64", "", "number of the event"),
        Branch("energyReco", (), "float32", "GeV", "conventional reconstruction of the energy"),
        Branch("timeReco", (), "float32", "s", "conventional reconstruction of the time"),
        Branch("xyzRecoFI", (3,), "float32", "cm", "conventional first interaction point (x, y, z)"),
        Branch("uvwRecoFI", (3,), "float32", "cm", "conventional first interaction point (u, v, w)"),
        Branch("dead", _PER_SENSOR, "bool", "", "sensors known to be dead"),
    )
}

SENSOR_BRANCHES = ("npho", "time")
"""Readings: an invalid one is part of the data."""

TRUTH_BRANCHES: Mapping[str, Literal["simulation", "other detectors", "any"]] = {
    "emiAng": "other detectors",
    "energyTruth": "simulation",
    "timeTruth": "simulation",
    "uvwTruth": "simulation",
    "xyzTruth": "simulation",
    "emiVec": "other detectors",
    "xyzVTX": "other detectors",
    "n_gamma": "any",
}
"""Truth, and who has it: a simulation alone, other detectors in real data as well, or any file.

An invalid value is an error.
"""

SIMULATED_TRUTH = frozenset(name for name, origin in TRUTH_BRANCHES.items() if origin == "simulation")
"""Truth that only a simulation knows."""

MEASURED_TRUTH = frozenset(name for name, origin in TRUTH_BRANCHES.items() if origin == "other detectors")
"""Truth that other detectors measure in real data."""

RECO_BRANCHES = ("energyReco", "timeReco", "xyzRecoFI", "uvwRecoFI")
"""The conventional reconstruction of real data."""

ID_BRANCHES = ("run", "event")


def is_invalid(x: Any) -> NDArray[np.bool_]:
    """Tell which readings are none: larger than 9e9 in absolute value, infinite, or NaN.

    Parameters
    ----------
    x
        Any array of numbers.

    Returns
    -------
    numpy.ndarray
        Booleans in the shape of `x`.
    """
    # NaN compares false with everything, so that one comparison finds all three kinds.
    return np.asarray(~(np.abs(x) <= INVALID_ABOVE))


def sum_of_valid(x: Any) -> NDArray[np.float64]:
    """Return the sum of the valid readings of each event; 0 where none is valid.

    Parameters
    ----------
    x
        (n, …) readings.
    """
    values = np.asarray(x)
    valid = np.where(is_invalid(values), np.zeros((), values.dtype), values)
    return np.asarray(valid.sum(axis=tuple(range(1, values.ndim)), dtype=np.float64))
