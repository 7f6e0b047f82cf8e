"""Predictions and truth: from runs and files, and what is said if they are not there."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from xec_analysis import AnalysisError, collect_results, load_results
from xec_data.tasks.table import TASKS
from xec_models.regressor.predictions import truth_columns


def write_csv(path, columns):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))
    return path


@pytest.fixture
def run_dir(tmp_path, make_columns, write_tree):
    folder = tmp_path / "artifacts" / "night_3"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("tasks: {}\n")
    write_tree(folder / "validation_results_night_3.root", make_columns(50))
    return folder


def test_a_file_gives_every_task_with_predictions_and_truth(tmp_path, make_columns, write_tree):
    columns = make_columns(20)
    results = load_results(write_tree(tmp_path / "predictions.root", columns))
    assert list(results.tasks) == list(TASKS)
    assert results.name == "predictions"
    position = results.tasks["uvwFI"]
    np.testing.assert_allclose(position.true("v"), columns["uvwTruth"][:, 1])
    np.testing.assert_allclose(position.residual("w"), columns["pred_w"] - columns["uvwTruth"][:, 2])
    assert list(position.variables) == [name for task in TASKS.values() for name in task.output_names]
    assert position.event.tolist() == columns["event"].tolist()


def test_a_run_gives_its_validation(run_dir):
    results = load_results(run_dir)
    assert (results.name, len(results.tasks["energy"])) == ("night_3", 50)


def test_a_run_is_found_by_its_name(run_dir, monkeypatch):
    monkeypatch.chdir(run_dir.parent.parent)
    assert load_results("night_3").source.name == "validation_results_night_3.root"


def test_the_csv_files_of_a_run_are_as_good(run_dir, make_columns):
    (run_dir / "validation_results_night_3.root").unlink()
    columns = make_columns(30)
    for task in ("energy", "uvwFI"):
        table = {name: columns[name] for name in ("run", "event")}
        table |= {f"pred_{output}": columns[f"pred_{output}"] for output in TASKS[task].output_names}
        table |= truth_columns(task, TASKS[task].true_values(columns))
        write_csv(run_dir / f"predictions_{task}_night_3.csv", table)
    results = load_results(run_dir)
    assert list(results.tasks) == ["energy", "uvwFI"]
    np.testing.assert_allclose(results.tasks["energy"].variables["w"], columns["uvwTruth"][:, 2])


def test_one_csv_file(tmp_path, make_columns):
    columns = make_columns(10)
    table = {"pred_energy": columns["pred_energy"], "truth_energy": columns["energyTruth"]}
    results = load_results(write_csv(tmp_path / "mine.csv", table))
    assert list(results.tasks) == ["energy"]
    assert results.tasks["energy"].run.tolist() == [-1] * 10


def test_numbers_that_are_none_are_left_out_and_counted(make_columns):
    columns = make_columns(10)
    columns["pred_energy"][[1, 2]] = np.nan, np.inf
    columns["energyTruth"][[2, 5]] = 1e10
    result = collect_results(columns, "x", Path("x.root")).tasks["energy"]
    assert (len(result), result.n_events, result.n_bad_prediction, result.n_bad_truth) == (7, 10, 2, 1)
    assert result.entries.tolist() == [0, 3, 4, 6, 7, 8, 9]


def test_the_azimuth_is_periodic(make_columns):
    columns = make_columns(2)
    columns["emiAng"][:, 1] = 179.0, -179.5
    columns["pred_phi"] = np.array([-180.0, 180.0])
    result = collect_results(columns, "x", Path("x")).tasks["angle"]
    np.testing.assert_allclose(result.residual("phi"), [1.0, -0.5])


def test_widths_of_predictions_need_no_task_of_their_own(make_columns):
    columns = make_columns(50)
    widths = {f"sigma_{name}": np.ones(50) for name in ("theta", "phi", "energy")}
    results = collect_results({**columns, **widths}, "file", Path("file.root"))
    assert results.tasks.keys() == collect_results(columns, "file", Path("file.root")).tasks.keys()
    assert not results.notes


def test_predictions_of_tasks_that_are_not_installed_are_named(make_columns):
    columns = make_columns(5) | {"pred_tilt": np.zeros(5), "pred_depth": np.zeros(5)}
    results = collect_results(columns, "x", Path("data.root"))
    assert results.notes == (
        "pred_tilt, pred_depth in data.root: not an output of any installed task, not plotted",
    )


def test_tasks_without_truth_are_named(make_columns):
    columns = make_columns(5)
    del columns["timeTruth"]
    results = collect_results(columns, "x", Path("data.root"))
    assert "timing" not in results.tasks
    assert results.notes == ("no truth of timing in data.root: not plotted",)


def columns_without(make_columns, *prefixes):
    return {name: column for name, column in make_columns(5).items() if not name.startswith(prefixes)}


TRUTHS = ("emi", "energyTruth", "timeTruth", "uvwTruth", "n_gamma")


@pytest.mark.parametrize(
    ("drop", "tasks", "complaint"),
    [
        (("pred_",), None, r"x\.root: no predictions in it .*pred_energy"),
        (TRUTHS, None, r"predictions of angle, .*but no truth .*energyTruth"),
        (("pred_u",), ["uvwFI"], r"no predictions of the task 'uvwFI'; it has those of angle, energy"),
        (("timeTruth",), ["timing"], r"no truth of the task 'timing' \(branch timeTruth\)"),
    ],
)
def test_what_is_missing_is_said_in_one_line(make_columns, drop, tasks, complaint):
    with pytest.raises(AnalysisError, match=complaint) as error:
        collect_results(columns_without(make_columns, *drop), "x", Path("x.root"), tasks)
    assert "\n" not in str(error.value)


def test_no_usable_event_is_an_error(make_columns):
    columns = make_columns(3)
    columns["pred_energy"][:] = np.nan
    with pytest.raises(AnalysisError, match="not one event with a finite prediction and truth of energy"):
        collect_results(columns, "x", Path("x.root"), ["energy"])


def test_wrong_names_of_runs_and_tasks_get_a_hint(run_dir, monkeypatch):
    monkeypatch.chdir(run_dir.parent.parent)
    with pytest.raises(AnalysisError, match=r"no such run or file: nigth_3 \(did you mean 'night_3'\?\)"):
        load_results("nigth_3")
    with pytest.raises(AnalysisError, match=r"unknown task 'enrgy' \(did you mean 'energy'\?\)"):
        load_results("night_3", ["enrgy"])


def test_a_run_that_has_not_ended(tmp_path):
    (tmp_path / "config.yaml").write_text("tasks: {}\n")
    with pytest.raises(AnalysisError, match=r"no predictions in this run .*written when a training ends"):
        load_results(tmp_path)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no events in it"),
        ("pred_energy\n", "no events in it"),
        ("pred_energy\nhello\n", "not a table of numbers"),
        ("pred_energy,truth_energy\n1\n2\n", "2 names in the first line, 1 columns below"),
        ("pred_energy, pred_energy\n1,2\n", "the column 'pred_energy' is there twice"),
        ("x" * 200_000 + "\n1\n", "not a table of numbers: field larger than field limit"),
        ("pred_energy\n1\udcff\n", "not a text file"),
        ("pred_\udcff\n1\n", "not a text file"),
    ],
)
def test_bad_csv_files(tmp_path, text, complaint):
    path = tmp_path / "bad.csv"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(AnalysisError, match=complaint):
        load_results(path)


def test_a_file_without_events(tmp_path, make_columns, write_tree):
    path = write_tree(tmp_path / "empty.root", {name: values[:0] for name, values in make_columns(2).items()})
    with pytest.raises(AnalysisError, match=r"empty\.root: no events in it"):
        load_results(path)


def test_truth_in_another_unit_is_refused(make_columns):
    columns = make_columns(10)
    columns["energyTruth"] = 1e3 * columns["energyTruth"]
    with pytest.raises(AnalysisError, match=r"the truth of energy: energy is outside 0 to 1 GeV in 10"):
        collect_results(columns, "x", Path("x.root"))


def test_the_direction_in_real_data_is_no_truth(make_columns):
    columns = make_columns(10)
    real = {name: values for name, values in columns.items() if not name.endswith("Truth")}
    # Without a conventional reconstruction it can be a simulation that stores nothing else.
    assert "angle" in collect_results(real, "x", Path("x.root")).tasks
    real["energyReco"] = columns["energyTruth"]
    del real["n_gamma"]
    with pytest.raises(AnalysisError, match="no truth to compare them with"):
        collect_results(real, "x", Path("x.root"))
    results = collect_results({**real, "n_gamma": columns["n_gamma"]}, "x", Path("x.root"))
    assert list(results.tasks) == ["n_gamma"]
    assert any("emiAng is a measurement, not the truth of angle" in note for note in results.notes)
