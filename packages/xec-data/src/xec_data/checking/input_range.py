"""What the events of a training look like, and whether others look alike: units decide, not names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xec_data.schema.branches import is_invalid

Floats = NDArray[np.float64]
Limits = tuple[float, float]

LOW, HIGH = 0.001, 0.999
"""Quantiles of the training events between which an event is usual."""

REFUSED, NOTED = 0.05, 0.01
"""Fractions of unusual events above which a file is refused, and above which it is worth a note."""

MARGIN = 1.5
"""Factor by which the quantiles are passed before an event is unusual: samples are small, detectors age."""

# A part of the sensors tells what times look like; to sort those of all would slow predictions down.
_TIMED_SENSORS = slice(None, None, 7)

TIME = "time"
"""The quantity that a network with an anchor does not depend on."""


@dataclass(frozen=True)
class Quantity:
    """A number of an event.

    Attributes
    ----------
    meaning, unit
        For people.
    factor
        To that unit.
    signed
        Whether zero means nothing: a margin is then a part of the range, not a factor.
    """

    meaning: str
    unit: str
    factor: float = 1.0
    signed: bool = False


QUANTITIES: Mapping[str, Quantity] = {
    "light": Quantity("light", "photons"),
    "brightest": Quantity("photons in the brightest sensor", "photons"),
    "spread": Quantity("spread of the times", "ns", 1e9),
    TIME: Quantity("median of the times", "ns", 1e9, signed=True),
}


def event_quantities(npho: NDArray[Any], time: NDArray[Any]) -> dict[str, Floats]:
    """Return the quantities of n events; NaN where an event has no reading.

    Parameters
    ----------
    npho, time
        (n, sensors) raw photons and seconds.
    """
    counted = ~is_invalid(npho)
    photons = np.where(counted, npho, 0).astype(np.float64)
    some = counted.any(axis=1)
    # Masked values sort last, so that the middle of the valid ones is found by their number.
    some_times = np.asarray(time)[:, _TIMED_SENSORS]
    timed = counted[:, _TIMED_SENSORS] & ~is_invalid(some_times)
    ordered = np.sort(np.where(timed, some_times, np.inf).astype(np.float64), axis=1)
    number = timed.sum(axis=1)

    def quantile(q: float) -> Floats:
        index = np.clip(np.round(q * (number - 1)).astype(np.int64), 0, None)
        values = np.take_along_axis(ordered, index[:, None], axis=1)[:, 0]
        return np.where(number > 0, values, np.nan)

    return {
        "light": np.where(some, photons.sum(axis=1), np.nan),
        "brightest": np.where(some, photons.max(axis=1, initial=-np.inf, where=counted), np.nan),
        "spread": (quantile(0.84) - quantile(0.16)) / 2,
        TIME: quantile(0.5),
    }


def measure_range(parts: Iterable[Mapping[str, Floats]], *, absolute_times: bool) -> dict[str, Limits]:
    """Return the usual range of every quantity.

    Parameters
    ----------
    parts
        Results of `event_quantities`.
    absolute_times
        Whether the times themselves matter, not only their differences within an event.
    """
    names = [name for name in QUANTITIES if name != TIME or absolute_times]
    columns: dict[str, list[Floats]] = {name: [] for name in names}
    for part in parts:
        for name in names:
            columns[name].append(part[name][np.isfinite(part[name])])
    known = {name: np.concatenate(values) for name, values in columns.items() if values}
    return {
        name: (float(np.quantile(values, LOW)), float(np.quantile(values, HIGH)))
        for name, values in known.items()
        if len(values)
    }


@dataclass
class InputComparison:
    """Comparison of events with the ranges of those that a network was trained on.

    Attributes
    ----------
    ranges
        Result of `measure_range`.
    n_events
        Events compared so far; those without a reading do not count.
    """

    ranges: Mapping[str, Limits]
    n_events: int = 0
    _unusual: Counter[str] = field(default_factory=Counter)
    _typical: dict[str, float] = field(default_factory=dict)

    def add(self, npho: NDArray[Any], time: NDArray[Any]) -> None:
        """Compare some events, (n, sensors) each."""
        quantities = event_quantities(npho, time)
        self.n_events += int(np.isfinite(quantities["light"]).sum())
        for name, limits in self.ranges.items():
            values = quantities[name]
            values = values[np.isfinite(values)]
            low, high = _with_margin(QUANTITIES[name], limits)
            unusual = values[(values < low) | (values > high)]
            self._unusual[name] += len(unusual)
            if len(unusual):
                self._typical.setdefault(name, float(np.median(unusual)))

    @property
    def fraction(self) -> float:
        """The largest fraction of events that are unusual in a quantity."""
        most = max(self._unusual.values(), default=0)
        return most / self.n_events if self.n_events else 0.0

    def describe(self) -> str:
        """Say in one line in which quantities how many events are unusual, the most frequent first."""
        parts = []
        for name, number in self._unusual.most_common():
            if number > NOTED * self.n_events:
                quantity, limits = QUANTITIES[name], self.ranges[name]
                low, high, found = (value * quantity.factor for value in (*limits, self._typical[name]))
                percent = 100 * number / self.n_events
                parts.append(
                    f"{percent:.3g} % of the events are unlike those of the training in their "
                    f"{quantity.meaning}: {found:.4g}, there {low:.4g} to {high:.4g} {quantity.unit}"
                )
        return "; ".join(parts)


def _with_margin(quantity: Quantity, limits: Limits) -> Limits:
    low, high = limits
    if quantity.signed:
        more = (MARGIN - 1) * max(high - low, 1e-9)
        return low - more, high + more
    return (low / MARGIN if low > 0 else low * MARGIN), high * MARGIN
