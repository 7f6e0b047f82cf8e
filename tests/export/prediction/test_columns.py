"""The truth stands beside the predictions where it is known, and how far they are from it."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xec_data import DataError, read_columns
from xec_export import ExportError, PredictionOptions, open_predictor, predict_files
from xec_export.prediction.predictor import OnnxPredictor, TorchPredictor
from xec_geometry import angles_to_direction

MakeEvents = Callable[..., dict[str, np.ndarray[Any, Any]]]
MakeFile = Callable[..., Path]
AnyPredictor = OnnxPredictor | TorchPredictor


@pytest.fixture(scope="module")
def predictor(exported: Any) -> AnyPredictor:
    return open_predictor(exported.onnx)


def test_truth_of_every_output(predictor: AnyPredictor, event_file: Path, tmp_path: Path) -> None:
    predict_files(predictor, [event_file], tmp_path / "out.root")
    found = read_columns(tmp_path / "out.root")
    for name, branch, column in (
        ("theta", "emiAng", 0),
        ("phi", "emiAng", 1),
        ("energy", "energyTruth", None),
        ("timing", "timeTruth", None),
        ("w", "uvwTruth", 2),
        ("vy", "emiVec", 1),
    ):
        expected = found[branch] if column is None else found[branch][:, column]
        np.testing.assert_array_equal(found[f"true_{name}"], expected)
    # The closed form: the scalar product of unit vectors.
    directions = [
        angles_to_direction(found[f"{of}_theta"], found[f"{of}_phi"], degrees=True) for of in ("pred", "true")
    ]
    np.testing.assert_allclose(
        np.cos(np.radians(found["opening_angle"])), (directions[0] * directions[1]).sum(axis=1), atol=1e-5
    )
    squares = sum((found[f"pred_{name}"] - found[f"true_{name}"]).astype(float) ** 2 for name in "uvw")
    np.testing.assert_allclose(found["uvw_distance"], np.sqrt(squares), rtol=1e-5)


def test_a_value_that_is_none_is_no_truth(
    predictor: AnyPredictor, make_events: MakeEvents, make_file: MakeFile, tmp_path: Path
) -> None:
    events = make_events(4)
    events["energyTruth"][1] = 1e10
    events["uvwTruth"][2, 0] = np.nan
    path = make_file(tmp_path / "in.root", events)
    predict_files(predictor, [path], tmp_path / "out.root")
    found = read_columns(tmp_path / "out.root")
    assert np.isnan(found["true_energy"]).tolist() == [False, True, False, False]
    assert np.isnan(found["uvw_distance"]).tolist() == [False, False, True, False]
    np.testing.assert_array_equal(found["energyTruth"], events["energyTruth"])


def test_the_light_of_an_event_is_that_of_its_valid_readings(
    predictor: AnyPredictor, make_events: MakeEvents, make_file: MakeFile, tmp_path: Path
) -> None:
    events = make_events(5)
    events["npho"][1, ::7] = 1e10
    events["npho"][2, 100] = np.nan
    events["npho"][3] = 1e10
    path = make_file(tmp_path / "in.root", events)
    predict_files(predictor, [path], tmp_path / "out.root")
    found = read_columns(tmp_path / "out.root")
    expected = [math.fsum(x for x in readings if x < 9e9) for readings in events["npho"].tolist()]
    np.testing.assert_allclose(found["npho_sum"], expected, rtol=1e-6)
    assert found["npho_sum"][3] == 0


def test_a_direction_that_was_measured_is_no_truth(
    predictor: AnyPredictor, make_events: MakeEvents, make_file: MakeFile, tmp_path: Path
) -> None:
    # Real data have a direction, too: from the positron's vertex to the conventional point.
    events = make_events(3)
    real = {name: events[name] for name in ("npho", "relative_time", "run", "event", "emiAng", "emiVec")}
    path = make_file(tmp_path / "in.root", {**real, "energyReco": events["energyTruth"]})
    report = predict_files(predictor, [path], tmp_path / "out.root")
    assert "emiAng" in report.branches
    assert not [name for name in report.branches if name.startswith("true_") or "opening" in name]


@pytest.mark.parametrize("form", ["onnx", "checkpoint"])
def test_some_of_the_tasks(exported: Any, event_file: Path, tmp_path: Path, form: str) -> None:
    path = getattr(exported, form)
    some = open_predictor(path, tasks=["uvwFI", "energy"])
    assert some.description.tasks == ("energy", "uvwFI")
    report = predict_files(some, [event_file], tmp_path / "some.root")
    assert {name for name in report.branches if name.startswith(("pred_", "sigma_"))} == {
        *("pred_energy", "sigma_energy", "pred_u", "pred_v", "pred_w", "sigma_u", "sigma_v", "sigma_w")
    }
    predict_files(open_predictor(path), [event_file], tmp_path / "all.root")
    found, everything = (read_columns(tmp_path / f"{name}.root") for name in ("some", "all"))
    np.testing.assert_array_equal(found["pred_w"], everything["pred_w"])
    with pytest.raises(
        ExportError, match=r"no task 'enrgy' \(did you mean 'energy'\?\); the network has angle"
    ):
        open_predictor(path, tasks=["enrgy"])


def test_other_branches_are_copied(
    predictor: AnyPredictor, make_events: MakeEvents, make_file: MakeFile, tmp_path: Path
) -> None:
    rng = np.random.default_rng(3)
    events = make_events(150)
    more = {
        "trigger": rng.integers(0, 9, 150).astype(np.uint8),
        "waveform": rng.normal(size=(150, 2, 3)),
        "dead": rng.random(events["npho"].shape) < 0.1,
    }
    parts = [slice(0, 90), slice(90, 150)]
    paths = [
        make_file(tmp_path / f"{i}.root", {name: values[part] for name, values in {**events, **more}.items()})
        for i, part in enumerate(parts)
    ]
    options = PredictionOptions(branches=("trigger", "waveform", "dead", "run", "trigger"))
    predict_files(predictor, paths, tmp_path / "out.root", options=options)
    found = read_columns(tmp_path / "out.root")
    for name, values in more.items():
        assert found[name].dtype == values.dtype
        np.testing.assert_array_equal(found[name], values)
    np.testing.assert_array_equal(found["run"], events["run"])


def test_vectors_are_copied_if_all_are_equally_long(
    predictor: AnyPredictor, make_events: MakeEvents, tmp_path: Path
) -> None:
    import awkward as ak
    import uproot

    events = make_events(3)
    ragged = {"hits": ak.Array([[1, 2], [3, 4], [5, 6]]), "tracks": ak.Array([[1.0], [], [2.0, 3.0]])}
    path = tmp_path / "in.root"
    with uproot.recreate(path) as file:
        readings = {name: events[name] for name in ("npho", "relative_time")}
        types = {name: np.dtype((np.float32, values.shape[1:])) for name, values in readings.items()}
        file.mktree("tree", {**types, "hits": "var * int64", "tracks": "var * float64"})
        file["tree"].extend({**readings, **ragged})
    predict_files(predictor, [path], tmp_path / "out.root", options=PredictionOptions(branches=("hits",)))
    assert read_columns(tmp_path / "out.root")["hits"].tolist() == [[1, 2], [3, 4], [5, 6]]
    with pytest.raises(DataError, match=r"branch 'tracks', entry 1 has 0 numbers; expected 1 number"):
        predict_files(
            predictor, [path], tmp_path / "no.root", options=PredictionOptions(branches=("tracks",))
        )
    assert not (tmp_path / "no.root").exists()


@pytest.mark.parametrize(
    ("branch", "message"),
    [
        ("trigge", r"no branch 'trigge' \(did you mean 'trigger'\?\), which is to be copied"),
        ("pred_energy", "'pred_energy' of the inputs has the name of a column of the output"),
        ("other", r"b\.root: the branch 'other' holds 1 number of float64 per event, in .*a\.root 2 numbers"),
    ],
)
def test_what_cannot_be_copied(
    predictor: AnyPredictor,
    make_events: MakeEvents,
    make_file: MakeFile,
    tmp_path: Path,
    branch: str,
    message: str,
) -> None:
    events = {**make_events(3), "trigger": np.arange(3), "pred_energy": np.ones(3)}
    paths = [
        make_file(tmp_path / "a.root", {**events, "other": np.ones((3, 2))}),
        make_file(tmp_path / "b.root", {**events, "other": np.ones(3)}),
    ]
    with pytest.raises(ExportError, match=message):
        predict_files(predictor, paths, tmp_path / "out.root", options=PredictionOptions(branches=(branch,)))
    assert not (tmp_path / "out.root").exists()
