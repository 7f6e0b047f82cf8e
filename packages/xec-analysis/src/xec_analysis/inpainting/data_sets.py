"""Hidden sensors of several files of events: each file is a data set, and all are joined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xec_analysis.inpainting.energy_effect import EnergyEffect
from xec_analysis.inpainting.hidden_readings import HiddenReadings
from xec_analysis.inpainting.numbers import ALL, Numbers, by_face


@dataclass(frozen=True)
class DataSet:
    """One file of events with the estimates of its hidden sensors.

    Attributes
    ----------
    name
        Its name in tables and plots.
    readings
        The hidden sensors.
    effect
        The effect on the energy, if a regressor was given.
    """

    name: str
    readings: HiddenReadings
    effect: EnergyEffect | None = None


def joined(parts: Sequence[HiddenReadings]) -> HiddenReadings:
    """Return the hidden sensors of several files, which have the same estimates, as those of one."""
    first = parts[0]
    n_before = np.cumsum([0, *(part.n_events for part in parts[:-1])])

    def all_of(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(part, name) for part in parts])

    def merged(name: str) -> dict[str, NDArray[Any]]:
        return {
            by: np.concatenate([getattr(part, name)[by] for part in parts]) for by in getattr(first, name)
        }

    return HiddenReadings(
        entry=np.concatenate([part.entry + n for part, n in zip(parts, n_before, strict=True)]),
        sensor=all_of("sensor"),
        mask_type=all_of("mask_type"),
        truth=all_of("truth"),
        estimates=merged("estimates"),
        time_truth=all_of("time_truth"),
        time_estimates=merged("time_estimates"),
        run=all_of("run"),
        event=all_of("event"),
        n_invalid=sum(part.n_invalid for part in parts),
    )


def by_data_set(readings: Mapping[str, HiddenReadings]) -> list[Numbers]:
    """Compute the numbers of every method in all faces of each data set.

    Parameters
    ----------
    readings
        Name of a data set to its hidden sensors.

    Returns
    -------
    list of Numbers
        The groups are the data sets.
    """
    return [
        replace(row, group=name)
        for name, part in readings.items()
        for row in by_face(part)
        if row.group == ALL
    ]
