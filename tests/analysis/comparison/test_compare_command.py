"""`xec compare` on runs and files of predictions."""

from __future__ import annotations

import csv
import fcntl
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from xec_analysis.comparison import experiment
from xec_analysis.comparison.configuration import Difference, as_rows
from xec_analysis.comparison.pages import _drawn
from xec_data import TreeWriter
from xec_models.checkpoint.run_directory import RunDirectory

Compare = Callable[..., tuple[int, str, str]]
MakeRun = Callable[..., RunDirectory]
MakeColumns = Callable[..., dict[str, Any]]

LOSSES = {"train_loss": [3.0, 1.0, 0.5], "val_loss": [3.0, 2.0, 2.5]}
WIDTHS = {"energy_res_68pct": [3e-3, 2e-3, 1e-3]}
CONFIG = {"objective": "regression", "training": {"epochs": 3, "lr": 0.1}}


def words(out: str) -> list[list[str]]:
    return [line.split() for line in out.splitlines()]


@pytest.fixture(autouse=True)
def _in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_two_runs(make_run: MakeRun, make_columns: MakeColumns, compare: Compare) -> None:
    columns = make_columns(200)
    energies = {name: columns[name] for name in ("run", "event", "energyTruth", "pred_energy")}
    better = {**energies, "pred_energy": (energies["pred_energy"] + energies["energyTruth"]) / 2}
    make_run("first", LOSSES | WIDTHS, CONFIG, energies)
    make_run(
        "second",
        {"train_loss": [1.0], "val_loss": [1.5], "energy_res_68pct": [1e-3]},
        {"objective": "regression", "training": {"epochs": 1, "lr": 0.2}},
        better,
    )
    code, out, err = compare("first", "second")
    assert (code, err) == (0, "")
    lines = words(out)
    assert ["training.lr", "0.1", "0.2"] in lines
    assert ["training.epochs", "3", "1"] in lines
    assert "run_name" not in out
    # The best epoch, both losses there and their gap; ranks of loss and energy.
    assert ["first", "3", "2", "1.00", "2.00", "+1.00", "2.0"] in lines
    assert ["second", "1", "1", "1.00", "1.50", "+0.50", "1.0"] in lines
    # Half of every residual: exactly half of the width, on whatever events.
    (line,) = (line for line in lines if "second" in line and "±" in line)
    assert line[line.index("second") + 4 :] == ["−50.00", "±", "0.00", "%", "better"]
    assert Path("compare.pdf").read_bytes().startswith(b"%PDF")
    with Path("compare.csv").open() as file:
        rows = {(row["metric"], row["name"]): row for row in csv.DictReader(file)}
    energy = rows["energy_res_68pct", "second"]
    assert float(energy["difference"]) == pytest.approx(-50)
    assert float(energy["difference_error"]) == pytest.approx(0, abs=1e-9)
    assert int(energy["matched_events"]) == 200
    residual = np.sort(better["pred_energy"] - better["energyTruth"]) * 1e3
    assert float(energy["value"]) == pytest.approx(
        np.diff(np.percentile(residual, [16, 84]))[0] / 2, rel=1e-3
    )
    # The smallest width of all epochs stands beside that of the best network.
    assert float(rows["energy_res_68pct", "first"]["best"]) == pytest.approx(1.0)
    assert float(rows["energy_res_68pct", "first"]["best_epoch"]) == 3
    assert float(rows["val_loss", "second"]["difference"]) == pytest.approx(-0.5)


def test_files_of_predictions(
    make_columns: MakeColumns, write_tree: Callable[..., Path], compare: Compare
) -> None:
    columns = make_columns(100)
    del columns["pred_vx"]
    for name in ("a.root", "b.root"):
        write_tree(Path(name), columns)
    code, out, err = compare("a.root", "b.root", "-o", "files.pdf")
    assert (code, err) == (0, "")
    assert ["1", "b"] in [line[:2] for line in words(out)]
    assert out.count("same") == 10
    assert sorted(path.name for path in Path().iterdir()) == ["a.root", "b.root", "files.csv", "files.pdf"]


def test_a_training_that_goes_on_is_told(make_run: MakeRun, compare: Compare) -> None:
    make_run("whole", LOSSES, CONFIG)
    running = make_run("running", {name: values[:1] for name, values in LOSSES.items()}, CONFIG)
    make_run("killed", {name: values[:2] for name, values in LOSSES.items()}, CONFIG)
    make_run("bad", {"train_loss": [1.0] * 3, "val_loss": [np.nan] * 3}, CONFIG)
    with running.lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        code, out, err = compare("whole", "running", "killed", "bad")
    assert (code, err) == (0, "")
    assert "note: running: still training: epoch 1 of 3 so far" in out
    assert "note: killed: has not ended: epoch 2 of 3" in out
    assert "note: bad: its validation loss is never a number" in out
    assert ["–", "bad", "no", "number"] in words(out)


def test_losses_with_other_weights_do_not_rank(make_run: MakeRun, compare: Compare) -> None:
    for name, weight, width in (("a", 1.0, 1e-3), ("b", 9.0, 2e-3)):
        tasks = {"energy": {"weight": weight}}
        metrics = {"val_loss": [1 / weight], "energy_res_68pct": [width]}
        make_run(name, metrics, {"tasks": tasks, "training": {"epochs": 1}})
    _, out, _ = compare("a", "b")
    assert "losses do not mean the same in all runs (tasks.energy.weight differ)" in out
    assert [line[-1] for line in words(out) if line[:3] == ["a", "1", "1"]] == ["1.0"]


def test_other_validation_files_are_told(make_run: MakeRun, compare: Compare) -> None:
    make_run("a", LOSSES, CONFIG, validation="aa")
    make_run("b", LOSSES, CONFIG, validation="bb")
    _, out, _ = compare("a", "b")
    assert "the validation files are not the same (a: 4 events, 1 file (aa), b: 4 events, 1 file (bb))" in out


def test_runs_of_the_same_name_are_told_apart(make_run: MakeRun, compare: Compare) -> None:
    for folder in ("day", "night"):
        make_run(f"{folder}/energy", LOSSES, CONFIG)
    _, out, _ = compare("day/energy", "night/energy")
    assert {"day/energy", "night/energy"} <= {line[1] for line in words(out) if len(line) > 1}
    assert "no key of the configurations, no file and no version differs" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a"], "one run to compare, artifacts/a; expected at least two (of one run: 'xec plot RUN')"),
        (["a", "artifacts/a"], "one run to compare, artifacts/a; expected at least two"),
        (["a", "gone"], "no such run or file: gone"),
        (["a", "mae"], "runs of different objectives: a (regression), mae (mae); expected runs of one"),
        (["a", "other"], "the runs a, other have no metric of the validation in common"),
        (["a", "empty"], "empty: no metrics.csv in this run"),
        (["one.root"], "one file of predictions, one.root; expected at least two"),
        (["one.root", "nothing.root"], "nothing.root: neither predictions (branches pred_…"),
        (["one.root", "blind.root"], "blind.root: predictions of energy, but no truth to compare them with"),
        (["one.root", "one.root"], "one.root is named twice; expected different files"),
        (["one.root", "a"], "artifacts/a: no predictions in this run"),
        (["a", "b", "-o", "x.png"], "cannot draw x.png: expected the name of a .pdf file"),
        (["a", "b", "-o", "one.csv"], "cannot draw one.csv"),
    ],
)
def test_errors_are_one_line(
    make_run: MakeRun,
    make_columns: MakeColumns,
    write_tree: Callable[..., Path],
    compare: Compare,
    arguments: list[str],
    message: str,
) -> None:
    for name in ("a", "b"):
        make_run(name, LOSSES, CONFIG)
    make_run("mae", LOSSES, {"objective": "mae"})
    make_run("other", {"lr": [1.0]}, CONFIG)
    make_run("empty", {}, CONFIG).metrics.unlink()
    columns = make_columns(5)
    write_tree(Path("one.root"), {name: columns[name] for name in ("energyTruth", "pred_energy")})
    write_tree(Path("blind.root"), {"pred_energy": columns["pred_energy"]})
    write_tree(Path("nothing.root"), {"energyTruth": columns["energyTruth"]})
    before = sorted(Path().iterdir())
    code, _, err = compare(*arguments)
    assert code == 2
    assert message in err
    assert len(err.splitlines()) == 1
    assert sorted(Path().iterdir()) == before


def test_the_runs_of_an_experiment(
    make_run: MakeRun, compare: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run("filler", LOSSES, {"objective": "inpainting"})
    paths = [make_run(name, LOSSES, CONFIG).path for name in ("a", "b")]
    asked = []

    def fetch(name: str, uri: str | None, folder: Path) -> list[Path]:
        asked.append((name, uri, folder.is_dir()))
        return [Path("artifacts/filler"), *paths]

    point = SimpleNamespace(load=lambda: fetch)
    monkeypatch.setattr(experiment, "entry_points", lambda group: [point] * (group == experiment.GROUP))
    code, out, err = compare("--experiment", "energy", "--tracking-uri", "sqlite:///x.db")
    assert (code, err) == (0, "")
    assert asked == [("energy", "sqlite:///x.db", True)]
    assert {"a", "b"} <= {line[1] for line in words(out) if len(line) > 1}
    assert "note: of another objective than regression, left out: filler (inpainting)" in out


def test_an_experiment_that_nobody_can_read(compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiment, "entry_points", lambda group: [])
    code, _, err = compare("--experiment", "energy")
    assert code == 2
    assert (
        err
        == "xec: error: no installed package reads experiments: pip install --upgrade xec-train, which does\n"
    )
    assert compare()[2] == "xec: error: nothing to compare; expected RUN_OR_FILE…, or --experiment NAME\n"
    assert "expected --experiment NAME with it" in compare("--tracking-uri", "x")[2]


def test_what_differs_between_many_runs_stays_narrow() -> None:
    found = [Difference("training.lr", ("0.1", "0.2", "0.1", "0.2", "0.3"))]
    header, rows = as_rows(found, list("abcde"))
    assert header == ["what differs", "value", "runs"]
    assert rows == [["training.lr", "0.1", "a, c"], ["", "0.2", "b, d"], ["", "0.3", "e"]]
    assert as_rows(found, list("abcd"))[0] == ["what differs", "a", "b", "c", "d"]


def test_ways_of_recovery_in_a_file_are_compared_like_files(
    make_columns: MakeColumns, compare: Compare
) -> None:
    columns = make_columns(50)
    truth, energy = columns["energyTruth"], columns["pred_energy"]
    ids = {name: columns[name] for name in ("run", "event", "energyTruth")}
    for name in ("one", "two"):
        with TreeWriter(Path(f"{name}.root")) as writer:
            writer.extend(ids | {"pred_energy_none": energy, "pred_energy_average": (energy + truth) / 2})
    assert compare("one.root")[0] == 0
    with Path("compare.csv").open() as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["one_none", "one_average"]
    assert float(rows["one_average"]["difference"]) == pytest.approx(-50)
    code, _, err = compare("one.root", "two.root", "-o", "four.pdf")
    assert (code, err) == (0, "")
    with Path("four.csv").open() as file:
        differences = {row["name"]: float(row["difference"]) for row in csv.DictReader(file)}
    assert differences["two_none"] == 0
    assert differences["two_average"] == pytest.approx(-50)


def test_of_many_the_reference_and_the_best_are_drawn() -> None:
    labels = [f"{k}" for k in range(40)]
    assert _drawn(labels, {label: -float(label) for label in labels}) == ["0", *labels[29:]]
    assert _drawn(labels[:12], {}) == labels[:12]
