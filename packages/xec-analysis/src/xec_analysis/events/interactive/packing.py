"""Readings of many events as short text for a page: 16 bits a number, compressed.

Photons keep three significant digits, times a picosecond; more could not be read off.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xec_analysis.events.event import Event

NO_TIME = -32768
"""The code of a sensor without a time."""

_LARGEST_HALF = 60000.0
_CODES = 32767
_PICOSECOND = 1e-3  # ns


@dataclass(frozen=True)
class PackedReadings:
    """Readings of n events.

    Attributes
    ----------
    data
        Base64 of zlib: the low bytes of all photons, their high bytes, then those of the times; event after
        event. Photons are half-precision floats (NaN: dead), times whole numbers (`NO_TIME`: none).
    photon_factors
        (n) by which an event's stored photons are multiplied.
    time_origins, time_steps
        (n) in ns: a time is origin + code · step.
    """

    data: str
    photon_factors: tuple[float, ...]
    time_origins: tuple[float, ...]
    time_steps: tuple[float, ...]


def pack_readings(events: Sequence[Event]) -> PackedReadings:
    """Pack photons and times of events."""
    factors, origins, steps = [], [], []
    photons = np.empty((len(events), len(events[0].npho)), dtype="<f2")
    times = np.full(photons.shape, NO_TIME, dtype="<i2")
    for row, event in enumerate(events):
        largest = float(np.nanmax(np.abs(event.npho), initial=0.0))
        # A power of two costs no precision.
        factor = 2.0 ** max(0, int(np.ceil(np.log2(max(largest, 1.0) / _LARGEST_HALF))))
        photons[row] = event.npho / factor
        time = event.time * 1e9
        timed = np.isfinite(time)
        low, high = (float(time[timed].min()), float(time[timed].max())) if timed.any() else (0.0, 0.0)
        origin, step = (low + high) / 2, max(_PICOSECOND, (high - low) / 2 / _CODES)
        times[row, timed] = np.rint((time[timed] - origin) / step)
        factors.append(factor)
        origins.append(origin)
        steps.append(step)
    planes = b"".join(_planes(values) for values in (photons, times))
    data = base64.b64encode(zlib.compress(planes, 9)).decode()
    return PackedReadings(data, tuple(factors), tuple(origins), tuple(steps))


def pack_text(text: str) -> str:
    """Pack a text likewise."""
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()


def _planes(values: NDArray[np.float16] | NDArray[np.int16]) -> bytes:
    """Separate low and high bytes: the high ones are alike and compress well."""
    pairs = np.ascontiguousarray(values).view(np.uint8).reshape(-1, 2)
    return pairs[:, 0].tobytes() + pairs[:, 1].tobytes()
