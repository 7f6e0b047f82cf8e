"""Readings packed for a page."""

from __future__ import annotations

import base64
import zlib
from pathlib import Path

import numpy as np
import pytest

from xec_analysis.events.event import Event
from xec_analysis.events.interactive.packing import NO_TIME, PackedReadings, pack_readings, pack_text
from xec_geometry import N_SENSORS


def unpacked(packed: PackedReadings, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Photons and times in ns, (n, sensors), NaN where there are none."""
    raw = np.frombuffer(zlib.decompress(base64.b64decode(packed.data)), np.uint8).reshape(4, n, N_SENSORS)
    codes = [raw[k].astype(np.uint16) | raw[k + 1].astype(np.uint16) << 8 for k in (0, 2)]
    photons = codes[0].view(np.float16).astype(float) * np.array(packed.photon_factors)[:, None]
    times = codes[1].view(np.int16)
    known = np.array(packed.time_origins)[:, None] + times * np.array(packed.time_steps)[:, None]
    return photons, np.where(times == NO_TIME, np.nan, known)


@pytest.mark.parametrize("brightest", [3.0, 5e4, 3e6])
@pytest.mark.parametrize("span", [0.0, 2e-9, 3e-7])
def test_three_digits_and_picoseconds_are_kept(brightest, span):
    rng = np.random.default_rng(3)
    events = []
    for k in range(3):
        npho = rng.uniform(-0.01, 1, N_SENSORS) * brightest
        time = 4e-8 + rng.uniform(-0.5, 0.5, N_SENSORS) * span
        npho[k], time[k : 2000 + k] = np.nan, np.nan
        events.append(Event(Path("x.root"), k, npho, time))
    photons, times = unpacked(pack_readings(events), 3)
    # Times that span more than 65 ns are kept to less than a part in 60 000 of their span.
    step = max(1e-3, span * 1e9 / 60000)
    for k, event in enumerate(events):
        np.testing.assert_allclose(photons[k], event.npho, rtol=5e-4, atol=1e-7 * brightest)
        np.testing.assert_array_equal(np.isnan(times[k]), np.isnan(event.time))
        np.testing.assert_allclose(times[k], event.time * 1e9, rtol=0, atol=0.51 * step)


def test_an_event_without_any_reading():
    nothing = np.full(N_SENSORS, np.nan)
    photons, times = unpacked(pack_readings([Event(Path("x.root"), 0, nothing, nothing)]), 1)
    assert np.isnan(photons).all()
    assert np.isnan(times).all()


def test_a_text_comes_back():
    assert zlib.decompress(base64.b64decode(pack_text("f(x) → y"))).decode() == "f(x) → y"
