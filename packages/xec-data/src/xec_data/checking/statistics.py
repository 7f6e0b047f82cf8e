"""Statistics of readings and truth, accumulated chunk by chunk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xec_data.schema.branches import is_invalid
from xec_geometry import FACES, N_SENSORS, face_ids


@dataclass(frozen=True)
class FaceFractions:
    """Fractions of the readings of a face."""

    face: str
    n_sensors: int
    invalid: float
    nan: float


class ReadingStatistics:
    """Invalid readings of every sensor."""

    def __init__(self) -> None:
        self.n_events = 0
        self.invalid = np.zeros(N_SENSORS, dtype=np.int64)
        self.nan = np.zeros(N_SENSORS, dtype=np.int64)
        self.lowest, self.highest = np.inf, -np.inf

    def add(self, readings: NDArray[Any]) -> None:
        """Count the readings of some events, shape (n, N_SENSORS)."""
        bad = is_invalid(readings)
        self.n_events += len(readings)
        self.invalid += bad.sum(axis=0)
        self.nan += np.isnan(readings).sum(axis=0)
        if not bad.all():
            self.lowest = min(self.lowest, float(readings.min(where=~bad, initial=np.inf)))
            self.highest = max(self.highest, float(readings.max(where=~bad, initial=-np.inf)))

    def include(self, other: ReadingStatistics) -> None:
        """Count the readings that were counted elsewhere, in another file."""
        self.n_events += other.n_events
        self.invalid += other.invalid
        self.nan += other.nan
        self.lowest, self.highest = min(self.lowest, other.lowest), max(self.highest, other.highest)

    @property
    def all_invalid(self) -> bool:
        """Whether there is not one valid reading."""
        return bool((self.invalid == self.n_events).all())

    def by_face(self) -> list[FaceFractions]:
        """Return the fractions of invalid and NaN readings, NaN being one kind of invalid."""
        fractions = []
        for face in FACES:
            ids = face_ids(face)
            n = max(1, self.n_events * len(ids))
            fractions.append(
                FaceFractions(
                    face, len(ids), float(self.invalid[ids].sum() / n), float(self.nan[ids].sum() / n)
                )
            )
        return fractions

    def dead(self, above: float) -> list[int]:
        """Return the sensors that are invalid in more than the fraction `above` of the events."""
        return [int(sensor) for sensor in np.flatnonzero(self.invalid > above * self.n_events)]


class ValueStatistics:
    """Range and gaps of a quantity with one or a few numbers per event."""

    def __init__(self) -> None:
        self.n_events = 0
        self.n_invalid = 0
        self.first_invalid: int | None = None
        self._lowest: NDArray[Any] | None = None
        self._highest: NDArray[Any] | None = None

    def add(self, values: NDArray[Any], first_entry: int) -> None:
        """Add events, shape (n,) or (n, k), the first of which is entry `first_entry`."""
        values = values.reshape(len(values), -1)
        bad = is_invalid(values)
        bad_events = bad.any(axis=1)
        if bad_events.any() and self.first_invalid is None:
            self.first_invalid = first_entry + int(np.argmax(bad_events))
        self.n_events += len(values)
        self.n_invalid += int(bad_events.sum())
        numbers = values.astype(np.float64)
        lowest = numbers.min(axis=0, where=~bad, initial=np.inf)
        highest = numbers.max(axis=0, where=~bad, initial=-np.inf)
        self._lowest = lowest if self._lowest is None else np.minimum(self._lowest, lowest)
        self._highest = highest if self._highest is None else np.maximum(self._highest, highest)

    @property
    def ranges(self) -> list[tuple[float, float] | None]:
        """Lowest and highest valid value of each component, None if there is none."""
        if self._lowest is None or self._highest is None:
            return []
        return [
            (float(low), float(high)) if low <= high else None
            for low, high in zip(self._lowest, self._highest, strict=True)
        ]


def shorten_ids(ids: list[int]) -> str:
    """Write a list of numbers with its runs contracted: ``0–4, 17``."""
    runs: list[list[int]] = []
    for number in sorted(ids):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(
        str(first) if first == last else f"{first}{'–' if last > first + 1 else ', '}{last}"
        for first, last in runs
    )
