"""The conventional reconstruction against stored numbers of its first form, in numpy and double precision.

``conventional.json`` holds what ``xec_analysis.fit_baselines`` of commit 134a796 gave, the last one with that
form: fitted to the 256 events of `shower_events`, its calibrations and its predictions for those of `spoilt`.
That form filled sensors without a reading in another way: `filled_at_first`.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from xec_data.schema.branches import INVALID
from xec_data.tasks.table import TASKS
from xec_geometry import FACES, face_ids, index_map
from xec_models.anchor.conventional import AnchorTruth, ConventionalReconstruction
from xec_models.anchor.light_pattern import wall_per_sensor
from xec_models.anchor.table import ANCHORS
from xec_models.blocks.namespace import TORCH
from xec_models.encoder.readings import read
from xec_models.errors import ModelError

STORED = json.loads((Path(__file__).parent / "conventional.json").read_text())
NAMES = {"simple": "sums", "refined": "light"}


@pytest.fixture(scope="module")
def events(shower_events):
    """The events of the stored numbers."""
    return shower_events


@pytest.fixture(scope="module")
def spoilt(events):
    """The first 48 events: one without readings, one without times, one with hardly any light."""
    npho, time = events["npho"][:48].clone(), events["time"][:48].clone()
    npho[0], time[:3] = INVALID, INVALID
    npho[2] *= 0.002
    return npho, time


def filled_at_first(npho: torch.Tensor) -> torch.Tensor:
    """Fill with the mean of the valid ones among the eight neighbours, on other faces of the face."""
    values = npho.double().numpy().copy()
    valid = np.abs(values) < 9e9
    grid = index_map("inner")
    around = [
        (slice(1 + down, 1 + down + grid.shape[0]), slice(1 + right, 1 + right + grid.shape[1]))
        for down in (-1, 0, 1)
        for right in (-1, 0, 1)
    ]
    wall = wall_per_sensor()
    for event, seen in zip(values, valid, strict=True):
        if not seen.any():
            continue
        light, known = np.pad(np.where(seen, event, 0)[grid], 1), np.pad(seen[grid].astype(int), 1)
        total, number = (sum(image[place] for place in around) for image in (light, known))
        event[grid] = np.where(seen[grid], event[grid], total / np.maximum(number, 1))
        for face in FACES:
            ids = face_ids(face)
            if face != "inner" and seen[ids].any():
                share = np.average(event[ids][seen[ids]], weights=wall[ids][seen[ids]])
                event[ids] = np.where(seen[ids], event[ids], share)
    return torch.from_numpy(values)


def calibrated(name: str, events, dtype: torch.dtype = torch.float64) -> ConventionalReconstruction:
    reconstruction = ANCHORS[NAMES[name]].build()
    assert reconstruction is not None
    reconstruction = reconstruction.double().to(dtype)
    truth = AnchorTruth(*(events[branch].double() for branch in ("uvwTruth", "energyTruth", "timeTruth")))
    reconstruction.fit(events["npho"], events["time"], truth)
    return reconstruction


def as_at_first(name: str, npho: torch.Tensor) -> torch.Tensor:
    return filled_at_first(npho) if name == "refined" else npho


def calibrated_at_first(name: str, events, dtype: torch.dtype = torch.float64) -> ConventionalReconstruction:
    return calibrated(name, {**events, "npho": as_at_first(name, events["npho"])}, dtype)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-5), (torch.float32, 2e-4)])
def test_estimates_are_those_of_the_first_form(name, dtype, tolerance, events, spoilt):
    npho, time = spoilt
    estimate = calibrated_at_first(name, events, dtype)(read(as_at_first(name, npho), time, dtype))
    stored = STORED[name]["predictions"]
    for task in stored:
        values = TASKS[task].anchor(TORCH, estimate)
        expected = np.array(stored[task], dtype=float)
        found = values.double().numpy()
        # Noise that adds up to less than nothing had an energy and a point then.
        expected[np.array(stored["energy"], dtype=float)[:, 0] <= 0] = np.nan
        np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
        spread = np.nanstd(expected, axis=0)
        assert np.nanmax(np.abs(found - expected) / spread) < tolerance, task


@pytest.mark.parametrize("name", NAMES)
def test_calibrations_are_those_of_the_first_form(name, events):
    reconstruction, stored = calibrated_at_first(name, events), STORED[name]
    assert int(reconstruction.n_events) == stored["n_events"]
    assert float(reconstruction.time_offset) * 1e-9 == pytest.approx(stored["time_offset"], rel=1e-4)
    for quantity, numbers in stored["calibrations"].items():
        calibration = getattr(reconstruction, quantity)
        for part in ("mean", "scale", "coefficients"):
            np.testing.assert_allclose(
                getattr(calibration, part).numpy(), numbers[part], rtol=1e-4, atol=1e-7
            )


def test_energy_is_proportional_to_the_counts(events):
    reconstruction = calibrated("refined", events)
    npho, time = events["npho"].double(), events["time"]
    once = reconstruction(read(npho, time, torch.float64))
    thrice = reconstruction(read(torch.where(npho.abs() < 9e9, 3 * npho, npho), time, torch.float64))
    torch.testing.assert_close(thrice.energy, 3 * once.energy, rtol=1e-10, atol=0)
    torch.testing.assert_close(thrice.uvw, once.uvw, rtol=1e-9, atol=1e-9)


def test_time_follows_a_shift_of_all_times(events):
    reconstruction, shift = calibrated("refined", events), 3.7e-8
    npho, time = events["npho"], events["time"].double()
    early = reconstruction(read(npho, time, torch.float64))
    late = reconstruction(read(npho, torch.where(time.abs() < 9e9, time + shift, time), torch.float64))
    torch.testing.assert_close(late.time, early.time + shift, rtol=0, atol=1e-15)
    assert torch.equal(late.uvw, early.uvw)
    assert torch.equal(late.energy, early.energy)


def test_too_few_events_are_refused(events):
    few = {name: values[:40] for name, values in events.items()}
    with pytest.raises(ModelError, match=r"40 of 40 events have light.*at least 50"):
        calibrated("refined", few)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sensors", [slice(None), 2000])
def test_an_event_that_is_far_too_bright_does_not_calibrate(name, sensors, events):
    """A valid number, if a wrong one: below that of an invalid reading."""
    spoilt, without = (
        {**events, "npho": events["npho"].clone()},
        {**events, "npho": events["npho"].clone()},
    )
    spoilt["npho"][5, sensors] = 8.9e9
    without["npho"][5] = INVALID
    found, expected = calibrated(name, spoilt).state_dict(), calibrated(name, without).state_dict()
    assert found["n_events"] == len(events["npho"]) - 1
    for key, value in expected.items():
        assert torch.equal(found[key], value), key
