"""Predicted times can be compared with the conventional ones of real data, which are absolute."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xec_data import read_columns
from xec_export import open_predictor, predict_files
from xec_export.prediction.clock import difference, earliest, minus
from xec_export.prediction.predictor import OnnxPredictor, TorchPredictor

Arrays = dict[str, np.ndarray[Any, Any]]
MakeFile = Callable[..., Path]


@pytest.fixture(scope="module")
def predictor(exported: Any) -> OnnxPredictor | TorchPredictor:
    return open_predictor(exported.onnx, tasks=["timing"])


@pytest.fixture
def real(make_events: Callable[..., Arrays]) -> Arrays:
    """Events of real data, their earliest time zero, and the absolute time of that."""
    events = make_events(6, seed=5)
    invalid = ~(np.abs(events["relative_time"]) < 9e9)
    first = np.where(invalid, np.inf, events["relative_time"]).min(axis=1, keepdims=True)
    relative = np.where(invalid, events["relative_time"], events["relative_time"] - first)
    offset = np.random.default_rng(6).normal(-6e-7, 1e-7, (6, 1))
    absolute = np.where(invalid, 1e10, relative.astype(np.float64) + offset)
    return {
        **{name: events[name] for name in ("npho", "run", "event")},
        "relative_time": relative,
        "time": absolute,
        "timeReco": offset[:, 0] + 2e-8,
    }


def without(columns: Arrays, *names: str) -> Arrays:
    return {name: values for name, values in columns.items() if name not in names}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("stored", [("relative_time", "time"), ("time",)])
def test_times_on_the_absolute_clock(
    predictor: OnnxPredictor,
    real: Arrays,
    make_file: MakeFile,
    tmp_path: Path,
    dtype: type,
    stored: tuple[str, ...],
) -> None:
    offset = real["timeReco"] - 2e-8
    real["time"] = real["time"].astype(dtype)
    path = make_file(tmp_path / "in.root", without(real, *({"relative_time", "time"} - set(stored))))
    report = predict_files(predictor, [path], tmp_path / "out.root")
    found = read_columns(tmp_path / "out.root")
    precise = 1e-16 if dtype == np.float64 else 1e-13
    np.testing.assert_allclose(found["time_offset"], offset, rtol=0, atol=1e-14 + precise)
    np.testing.assert_array_equal(
        found["pred_timing_absolute"], found["pred_timing"].astype(float) + found["time_offset"]
    )
    # The network sees the same, whichever of the branches the file has.
    expected = predictor.predict(real["npho"], real["relative_time"])["timing"][:, 0]
    np.testing.assert_allclose(found["pred_timing"], expected, rtol=0, atol=2e-12)
    assert ("minus the event's earliest enter the network" in str(report.notes)) == (len(stored) == 1)


def test_simulated_times_stay_as_they_are(
    predictor: OnnxPredictor, real: Arrays, make_file: MakeFile, tmp_path: Path
) -> None:
    # Their truth is on the clock that they have.
    events = {**without(real, "relative_time", "timeReco"), "timeTruth": np.zeros(6, np.float32)}
    events["time"] = real["relative_time"] + np.float32(2e-9)
    path = make_file(tmp_path / "in.root", events)
    predict_files(predictor, [path], tmp_path / "out.root")
    found = read_columns(tmp_path / "out.root")
    expected = predictor.predict(real["npho"], events["time"])["timing"][:, 0]
    np.testing.assert_allclose(found["pred_timing"], expected, rtol=0, atol=1e-12)
    assert (found["time_offset"] == 0).all()


def test_times_that_are_relative_themselves_have_no_absolute_clock(
    predictor: OnnxPredictor, real: Arrays, make_file: MakeFile, tmp_path: Path
) -> None:
    path = make_file(tmp_path / "in.root", {**real, "time": real["relative_time"]})
    report = predict_files(predictor, [path], tmp_path / "out.root")
    found = read_columns(tmp_path / "out.root")
    assert np.isnan(found["time_offset"]).all()
    assert np.isnan(found["pred_timing_absolute"]).all()
    assert np.isfinite(found["pred_timing"]).all()
    assert any("6 of 6 events have no absolute time" in note for note in report.notes)


def test_what_only_some_files_know(
    predictor: OnnxPredictor, real: Arrays, make_file: MakeFile, tmp_path: Path
) -> None:
    paths = [
        make_file(tmp_path / "a.root", without(real, "time")),
        make_file(tmp_path / "b.root", real),
        # The time of the event, say.
        make_file(tmp_path / "c.root", {**real, "time": real["timeReco"]}),
    ]
    predict_files(predictor, paths, tmp_path / "out.root")
    found = read_columns(tmp_path / "out.root")
    assert np.isnan(found["time_offset"]).tolist() == [True] * 6 + [False] * 6 + [True] * 6
    report = predict_files(predictor, paths[::2], tmp_path / "none.root")
    assert "time_offset" not in report.branches


def test_differences_that_are_not_one_number() -> None:
    relative = np.array([[0, 1e-8, 1e10], [0, 1e-8, 2e-8], [1e10, 1e10, 0]], np.float32)
    absolute = relative.astype(float) + 3e-7
    absolute[1, 2] += 1e-10
    absolute[2, 2] = np.nan
    np.testing.assert_allclose(difference(absolute, relative), [3e-7, np.nan, np.nan], rtol=0, atol=1e-15)


def test_the_earliest_valid_time() -> None:
    times = np.array([[3e-7, 2e-7, 1e10], [np.nan, 1e10, -1e10]])
    first = earliest(times)
    np.testing.assert_array_equal(first, [2e-7, np.nan])
    np.testing.assert_allclose(minus(times, first), [[1e-7, 0, 1e10], [1e10, 1e10, 1e10]], rtol=1e-6)
