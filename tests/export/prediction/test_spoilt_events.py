"""Spoilt events have no influence on the others of their batch, to the last bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xec_data.schema.branches import INVALID
from xec_export import open_predictor
from xec_geometry import N_SENSORS

SPOILT = (np.nan, np.inf, -np.inf, 1e30, -1e30, INVALID, 8.9e9, -500.0, 0.0)
N_EVENTS = 2 * len(SPOILT)


@pytest.mark.parametrize("form", ["onnx", "checkpoint"])
@pytest.mark.parametrize("part", ["all", "some", "one"])
def test_the_others_stay_what_they_are(
    exported: Any, make_events: Callable[..., Any], form: str, part: str
) -> None:
    path: Path = getattr(exported, form)
    predictor = open_predictor(path, batch_size=N_EVENTS)
    events = make_events(N_EVENTS)
    npho, time = events["npho"], events["relative_time"]
    before = predictor.predict(npho, time)
    sensors = {"all": slice(None), "some": slice(None, None, 3), "one": 2000}[part]
    npho, time = npho.copy(), time.copy()
    for event, value in zip(range(0, N_EVENTS, 2), SPOILT, strict=True):
        npho[event, sensors] = time[event, sensors] = value
    after = predictor.predict(npho, time)
    for name, values in before.items():
        np.testing.assert_array_equal(after[name][1::2], values[1::2], err_msg=name)
    # An event of which nothing is left has no answer.
    unread = (~(np.abs(npho) < 9e9)).all(axis=1)
    assert unread.sum() == (6 if part == "all" else 0)
    for values in after.values():
        assert np.isnan(values[unread]).all()
        assert not np.isnan(values[~unread]).any()
    assert npho.shape == (N_EVENTS, N_SENSORS)
