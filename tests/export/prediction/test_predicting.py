"""Predictions stand beside what the input knows, event by event, whatever the files look like."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from xec_data import DataError, SimulationConfig, read_columns, simulate_file
from xec_data.tasks.table import TASKS
from xec_data.writing.tree_writer import read_metadata
from xec_export import ExportError, open_predictor, predict_files
from xec_export.prediction.columns import describe_gaps, gaps
from xec_export.prediction.predictor import OnnxPredictor, TorchPredictor
from xec_geometry.cli.application import main
from xec_geometry.support.output import OutputError

Arrays = dict[str, np.ndarray[Any, Any]]
MakeEvents = Callable[..., Arrays]
MakeFile = Callable[..., Path]
AnyPredictor = OnnxPredictor | TorchPredictor

PREDICTED = {
    *("pred_theta", "pred_phi", "sigma_theta", "sigma_phi", "pred_energy", "sigma_energy", "pred_timing"),
    *("pred_u", "pred_v", "pred_w", "sigma_u", "sigma_v", "sigma_w"),
    *("pred_vx", "pred_vy", "pred_vz", "pred_n_gamma"),
}


@pytest.fixture(scope="module")
def predictor(exported: Any) -> AnyPredictor:
    return open_predictor(exported.onnx)


def run(*arguments: str | Path) -> int:
    """Run the command and give its exit code."""
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    return int(end.value.code or 0)


@pytest.mark.parametrize("form", ["onnx", "checkpoint"])
def test_predictions_are_those_of_the_network(
    exported: Any,
    event_file: Path,
    make_events: MakeEvents,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    form: str,
) -> None:
    output = tmp_path / "predictions.root"
    assert run("predict", getattr(exported, form), event_file, "-o", output) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith(f"wrote {output}: 70 events in ")
    assert "events/s" in last

    events = make_events(70)
    with torch.inference_mode():
        expected = exported.network(events["npho"], events["relative_time"])
    found = read_columns(output)
    for column, (name, i) in {
        "pred_theta": ("angle", 0),
        "sigma_phi": ("angle_sigma", 1),
        "pred_energy": ("energy", 0),
        "sigma_energy": ("energy_sigma", 0),
        "pred_timing": ("timing", 0),
        "pred_w": ("uvwFI", 2),
        "sigma_v": ("uvwFI_sigma", 1),
        "pred_vy": ("angleVec", 1),
    }.items():
        np.testing.assert_allclose(
            found[column], expected[name][:, i].numpy(), rtol=1e-4, atol=1e-3 if "angle" in name else 1e-5
        )
    assert (found["pred_n_gamma"] == expected["n_gamma"].argmax(1).numpy()).mean() > 0.95


def test_truth_and_numbers_pass_through(
    predictor: AnyPredictor, event_file: Path, make_events: MakeEvents, tmp_path: Path
) -> None:
    report = predict_files(predictor, [event_file], tmp_path / "out.root")
    found, events = read_columns(report.output), make_events(70)
    assert set(found) == set(report.branches)
    assert set(found) == {
        *PREDICTED,
        *["run", "event", "valid", "npho_sum"],
        *["emiAng", "emiVec", "energyTruth", "timeTruth", "uvwTruth", "xyzTruth"],
        # The file does not have the number of photons.
        *(name.replace("pred_", "true_") for name in PREDICTED - {"pred_n_gamma"} if "pred_" in name),
        *["opening_angle", "angleVec_opening_angle", "uvw_distance"],
    }
    for name in ("run", "event", "energyTruth", "timeTruth", "uvwTruth", "xyzTruth", "emiVec"):
        np.testing.assert_array_equal(found[name], events[name])
    # Angles are degrees everywhere inside xec, radians in the file.
    np.testing.assert_allclose(found["emiAng"], np.degrees(events["emiAng"]), rtol=1e-6)
    assert report.notes == ()


def test_classes_are_predicted_without_the_package_of_the_task(
    predictor: AnyPredictor, event_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict_files(predictor, [event_file], tmp_path / "known.root")
    entries = {name: task for name, task in TASKS.items() if name != "n_gamma"}
    monkeypatch.setattr(TASKS, "_entries", entries)
    report = predict_files(predictor, [event_file], tmp_path / "unknown.root")
    assert set(report.branches) >= PREDICTED
    assert not any(name.startswith("pred_n_gamma_") for name in report.branches)
    known, unknown = (read_columns(tmp_path / f"{name}.root") for name in ("known", "unknown"))
    assert unknown["pred_n_gamma"].dtype == known["pred_n_gamma"].dtype
    np.testing.assert_array_equal(unknown["pred_n_gamma"], known["pred_n_gamma"])


def test_the_file_says_which_network_it_is_from(
    predictor: AnyPredictor, event_file: Path, tmp_path: Path
) -> None:
    predict_files(predictor, [event_file], tmp_path / "out.root")
    metadata = read_metadata(tmp_path / "out.root")
    assert metadata["name"] == "all_tasks"
    assert metadata["geometry_hash"] == predictor.description.geometry_hash


def test_real_data_have_no_truth(
    predictor: AnyPredictor, make_events: MakeEvents, make_file: MakeFile, tmp_path: Path
) -> None:
    events = make_events(9, seed=1)
    rng = np.random.default_rng(2)
    real = {
        **{name: events[name] for name in ("npho", "relative_time", "run", "event")},
        "energyReco": rng.uniform(0.03, 0.06, 9).astype(np.float32),
        "timeReco": rng.normal(0, 1e-9, 9).astype(np.float32),
        "xyzRecoFI": rng.normal(0, 50, (9, 3)).astype(np.float32),
        "uvwRecoFI": rng.normal(0, 20, (9, 3)).astype(np.float32),
        "dead": rng.random(events["npho"].shape) < 0.01,
    }
    # An event whose fit failed is real data, too.
    real["energyReco"][3] = 1e10
    path = make_file(tmp_path / "real.root", real)
    predict_files(predictor, [path], tmp_path / "out.root")
    found = read_columns(tmp_path / "out.root")
    assert set(found) == {
        *PREDICTED,
        *["run", "event", "valid", "npho_sum", "energyReco", "timeReco", "xyzRecoFI", "uvwRecoFI"],
    }
    for name in ("energyReco", "timeReco", "xyzRecoFI", "uvwRecoFI"):
        np.testing.assert_array_equal(found[name], real[name])


def test_files_follow_each_other(
    predictor: AnyPredictor, make_events: MakeEvents, make_file: MakeFile, tmp_path: Path
) -> None:
    many = make_events(300, seed=4)
    first = make_file(tmp_path / "b.root", {name: values[:170] for name, values in many.items()})
    second = make_file(tmp_path / "a.root", {name: values[170:] for name, values in many.items()})
    seen: list[tuple[int, int]] = []
    report = predict_files(
        predictor,
        [first, second],
        tmp_path / "out.root",
        progress=lambda done, total: seen.append((done, total)),
    )
    assert report.n_events == 300
    found = read_columns(tmp_path / "out.root")
    np.testing.assert_array_equal(found["event"], many["event"])
    expected = predictor.predict(many["npho"], many["relative_time"])
    np.testing.assert_allclose(found["pred_u"], expected["uvwFI"][:, 0], rtol=1e-4, atol=1e-3)
    assert seen == sorted(seen)
    assert seen[-1] == (300, 300)
    assert len(seen) > 2


def test_what_only_some_files_have_is_nan_in_the_others_with_a_note(
    predictor: AnyPredictor, event_file: Path, make_events: MakeEvents, make_file: MakeFile, tmp_path: Path
) -> None:
    events = make_events(3)
    bare = make_file(
        tmp_path / "bare.root", {name: events[name] for name in ("npho", "relative_time", "run", "event")}
    )
    report = predict_files(predictor, [event_file, bare], tmp_path / "out.root")
    assert "uvwTruth" in report.branches
    assert f"{bare}: no branch 'uvwTruth'; its values are NaN there" in report.notes
    truth = read_columns(tmp_path / "out.root")["uvwTruth"]
    assert np.isfinite(truth[:-3]).all()
    assert np.isnan(truth[-3:]).all()


def test_events_without_numbers_are_counted(
    predictor: AnyPredictor, make_events: MakeEvents, make_file: MakeFile, tmp_path: Path
) -> None:
    events = make_events(5)
    paths = [
        make_file(tmp_path / name, {key: events[key] for key in ("npho", "relative_time")})
        for name in ("1.root", "2.root")
    ]
    predict_files(predictor, paths, tmp_path / "out.root")
    found = read_columns(tmp_path / "out.root")
    assert "run" not in found
    np.testing.assert_array_equal(found["entry"], np.arange(10))


def test_branches_and_tree_of_other_names(
    exported: Any, make_events: MakeEvents, make_file: MakeFile, tmp_path: Path
) -> None:
    events = make_events(4)
    path = make_file(
        tmp_path / "in.root", {"counts": events["npho"], "seconds": events["relative_time"]}, tree="rec"
    )
    output = tmp_path / "out.root"
    options = ["--tree", "rec", "--npho-branch", "counts", "--time-branch", "seconds"]
    assert run("predict", exported.onnx, path, "-o", output, *options, "--batch", 3, "--threads", 1) == 0
    expected = open_predictor(exported.onnx).predict(events["npho"], events["relative_time"])
    np.testing.assert_allclose(
        read_columns(output)["pred_phi"], expected["angle"][:, 1], rtol=1e-4, atol=1e-3
    )


def test_events_without_any_reading_are_counted(
    predictor: AnyPredictor, make_events: MakeEvents, make_file: MakeFile, tmp_path: Path
) -> None:
    events = make_events(6)
    events["npho"][2] = 1e10
    path = make_file(tmp_path / "in.root", events)
    report = predict_files(predictor, [path], tmp_path / "out.root")
    assert report.n_unread == 1
    assert any("1 of 6 events have no valid photon count" in note for note in report.notes)
    found = read_columns(tmp_path / "out.root")
    assert found["valid"].tolist() == [True, True, False, True, True, True]
    for name in PREDICTED:
        nothing = found[name] == -1 if name == "pred_n_gamma" else np.isnan(found[name])
        assert nothing.tolist() == [False, False, True, False, False, False], name


def test_a_file_without_any_reading_is_an_error(
    predictor: AnyPredictor, make_events: MakeEvents, make_file: MakeFile, tmp_path: Path
) -> None:
    events = make_events(6)
    events["npho"][:] = np.nan
    path = make_file(tmp_path / "in.root", events)
    with pytest.raises(ExportError, match=r"in\.root: all readings of 'npho' in all 6 events are invalid"):
        predict_files(predictor, [path], tmp_path / "out.root")
    assert not (tmp_path / "out.root").exists()


@pytest.mark.parametrize("case", ["missing", "not root", "lengths", "no tree", "folder missing"])
def test_input_that_cannot_be_read_leaves_no_output(
    predictor: AnyPredictor, make_events: MakeEvents, make_file: MakeFile, tmp_path: Path, case: str
) -> None:
    from xec_geometry.errors import XecError

    path, output = tmp_path / "in.root", tmp_path / "out.root"
    events, tree = make_events(4), "tree"
    if case == "lengths":
        events["npho"] = events["npho"][:, :-1].copy()
    if case == "no tree":
        tree = "other"
    if case == "folder missing":
        output = tmp_path / "nowhere" / "out.root"
    if case == "not root":
        path.write_text("no")
    elif case != "missing":
        make_file(path, events, tree=tree)
    with pytest.raises(XecError) as caught:
        predict_files(predictor, [path], output)
    assert "\n" not in str(caught.value)
    assert ("nowhere" if case == "folder missing" else "in.root") in str(caught.value)
    assert [file for file in tmp_path.iterdir() if file != path] == []


def test_damage_in_the_middle_leaves_no_output(
    predictor: AnyPredictor, event_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from xec_data import EventReader

    def damaged(self: EventReader) -> Any:
        yield self.read(self.shards[0])
        raise DataError("events.root: damaged at entry 70")

    monkeypatch.setattr(EventReader, "__iter__", damaged)
    with pytest.raises(DataError, match="damaged at entry 70"):
        predict_files(predictor, [event_file], tmp_path / "out.root")
    assert list(tmp_path.iterdir()) == []


def test_an_input_is_never_overwritten(
    predictor: AnyPredictor, make_events: MakeEvents, make_file: MakeFile, tmp_path: Path
) -> None:
    path = make_file(tmp_path / "in.root", make_events(3))
    before = path.read_bytes()
    (tmp_path / "link.root").symlink_to(path)
    with pytest.raises(OutputError, match="it is the input"):
        predict_files(predictor, [path], tmp_path / "link.root")
    assert path.read_bytes() == before


def test_wrong_model_files_end_the_command(
    event_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out.root"
    assert run("predict", event_file, event_file, "-o", output) == 2
    assert "is a ROOT file; expected an ONNX file or a checkpoint as the model" in capsys.readouterr().err
    assert not output.exists()


def test_answers_that_are_missing_are_counted_by_output() -> None:
    columns = {
        "valid": np.array([True, True, False]),
        "pred_u": np.array([1.0, np.nan, np.nan]),
        "pred_v": np.array([np.nan, 2.0, np.nan]),
    }
    counts = Counter(gaps(columns))
    counts.update(
        gaps(
            {
                "valid": np.full(3, True),
                "pred_timing": np.full(3, np.nan),
                "pred_n": np.arange(3),
                "sigma_u": np.full(3, np.nan),
            }
        )
    )
    assert describe_gaps(counts, 5) == [
        "1 of 5 events have too little light or no time for u, v: NaN",
        "3 of 5 events have too little light or no time for timing: NaN",
    ]


def test_a_finished_file_is_not_made_again(
    exported: Any, event_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events, output = tmp_path / "events.root", tmp_path / "predictions.root"
    shutil.copy(event_file, events)
    assert run("predict", exported.onnx, events, "-o", output) == 0
    before = output.stat().st_mtime_ns
    assert run("predict", exported.onnx, events, "-o", output) == 0
    assert "is there already" in capsys.readouterr().out
    assert output.stat().st_mtime_ns == before

    # Another option, model or input makes another file.
    assert run("predict", exported.onnx, events, "-o", output, "--angle-unit", "rad") == 2
    assert f"{output} exists, made with other options (angle_unit); " in capsys.readouterr().err
    assert run("predict", exported.checkpoint, events, "-o", output) == 2
    assert f"{output} exists, made with another model; " in capsys.readouterr().err
    simulate_file(events, SimulationConfig(seed=77), 3)
    assert run("predict", exported.onnx, events, "-o", output, "--mirror") == 2
    assert "made with other inputs and other options (mirror_average); " in capsys.readouterr().err
    assert output.stat().st_mtime_ns == before
    assert run("predict", exported.onnx, events, "-o", output, "--force", "--accept-range") == 0
    assert output.stat().st_mtime_ns != before
