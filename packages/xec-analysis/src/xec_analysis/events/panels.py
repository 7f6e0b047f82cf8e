"""Photons and times of an event as they are coloured: values, scale, words. Any picture draws from these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from xec_analysis.events.event import Event
from xec_analysis.style.figures import NPHO_MAP, TIME_MAP

if TYPE_CHECKING:
    from matplotlib.colors import Normalize

Floats = NDArray[np.float64]
Scale = Literal["log", "linear"]

# Photon counts span orders of magnitude; smaller ones would only waste the range of colours.
DECADES = 3.5
# A few late sensors would take all the colours.
_TIME_QUANTILES = (0.5, 97.0)


@dataclass(frozen=True)
class Panel:
    """One value of every sensor, and how it is coloured.

    Attributes
    ----------
    values
        (N_SENSORS,), NaN where there is none.
    low, high
        Ends of the colours.
    scale
        How colours follow values.
    label
        Quantity and unit.
    cmap
        Name of the colours.
    extend
        Which values lie outside of the colours, as for colour bars.
    title
        What is shown, in words.
    n_without
        Sensors that are not dead, but have no value.
    """

    values: Floats
    low: float
    high: float
    scale: Scale
    label: str
    cmap: str
    extend: Literal["min", "both", "neither"]
    title: str
    n_without: int = 0

    @property
    def norm(self) -> Normalize:
        """The scale as matplotlib takes it."""
        from matplotlib.colors import LogNorm, Normalize

        return (LogNorm if self.scale == "log" else Normalize)(self.low, self.high)

    @property
    def shown(self) -> Floats:
        """The values; those too low for a logarithm as the lowest one."""
        if self.scale == "linear":
            return self.values
        return np.where(np.isfinite(self.values), np.maximum(self.values, self.low), np.nan)


def photon_panel(event: Event, scale: Scale = "log") -> Panel:
    """Return the photons of an event."""
    valid = event.npho[np.isfinite(event.npho)]
    high = max(float(valid.max(initial=0.0)), 10.0)
    low = max(high / 10**DECADES, 1.0) if scale == "log" else 0.0
    total = f"{valid.sum():,.0f}".replace(",", " ")
    title = f"Photons: {total} in {len(valid)} sensors"
    return Panel(event.npho, low, high, scale, "photons", NPHO_MAP, "min", title)


def time_panel(event: Event) -> Panel:
    """Return the times of an event."""
    time = event.time * 1e9
    valid = time[np.isfinite(time)]
    low, high = np.percentile(valid, _TIME_QUANTILES) if len(valid) else (0.0, 1.0)
    without = int((~np.isfinite(time) & ~event.dead).sum())
    title = f"Times: {len(valid)} sensors"
    top = max(float(high), float(low) + 0.1)
    return Panel(time, float(low), top, "linear", "time [ns]", TIME_MAP, "both", title, without)
