"""Studies of small trainings: what they leave behind, and what becomes of trials that do not end well."""

from __future__ import annotations

import csv
import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from xec_train.config.loading import load_config
from xec_train.scan.beginning import Beginning, begin
from xec_train.scan.errors import NothingCompletedError, ScanError
from xec_train.scan.metrics import known_metrics
from xec_train.scan.plots import write_plots
from xec_train.scan.progress import Scan
from xec_train.scan.results import short_names
from xec_train.scan.trial import TrialRun
from xec_train.scan.worker import work
from xec_train.tracking.metrics_file import read_metrics

Begun = Callable[..., Beginning]


def scan_of(beginning: Beginning) -> Scan:
    return Scan.open(beginning.folder, beginning.record)


def table(beginning: Beginning) -> list[dict[str, str]]:
    with beginning.folder.table.open() as file:
        return list(csv.DictReader(file))


def losses(run: Path) -> list[float]:
    return [float(row["value"]) for row in read_metrics(run / "metrics.csv") if row["metric"] == "val_loss"]


def test_a_study_and_what_it_leaves(begun: Begun, event_files: tuple[Path, Path]) -> None:
    """A grid in which one value gives trainings that fail: the others are what they are without it."""
    good, missing = str(event_files[0]), "missing.root"
    text = (
        f"{{sampler: grid, space: {{training.lr: [1.0e-3, 1.0e-2], data.train_path: ['{good}', {missing}]}}}}"
    )
    beginning = begun(text, "mlflow.enabled=true")
    told: list[str] = []
    assert work(beginning.folder, told.append)
    rows = table(beginning)
    assert [row["state"] for row in rows] == ["complete", "failed", "complete", "failed"]
    assert [row["error"] for row in rows[1::2]] == [f"no such file: {missing}"] * 2
    assert told[2:4] == [
        f"space-001: training.lr=0.001, data.train_path={missing}",
        f"space-001: failed: no such file: {missing}",
    ]
    for row in rows[::2]:
        assert float(row["value"]) == min(losses(Path(row["run"])))
        assert (row["epochs"], row["lost"], row["data.train_path"]) == ("2", "0", good)
    # The best one, as a configuration of its own: the same training.
    best = min(rows[::2], key=lambda row: float(row["value"]))
    config = load_config(beginning.folder.best).config
    assert config.training.lr == float(best["training.lr"])
    assert (config.mlflow.run_name, config.checkpoint.save_dir) == (None, "artifacts")
    assert config.checkpoint.save_artifacts
    with sqlite3.connect("mlflow.db") as database:
        runs = dict(database.execute("select name, status from runs"))
        tags = "select r.name, t.value from tags t join runs r using (run_uuid) where t.key = ?"
        states = dict(database.execute(tags, ("xec.trial.state",)))
        parents = dict(database.execute(tags, ("mlflow.parentRunId",)))
        (study,) = database.execute("select run_uuid from runs where name = 'space'").fetchone()
    database.close()
    assert runs == {"space": "RUNNING", "space-000": "FINISHED", "space-002": "FINISHED"}
    assert states == dict.fromkeys(["space-000", "space-002"], "complete")
    assert parents == dict.fromkeys(["space-000", "space-002"], study)
    known = set(known_metrics(beginning.config))
    logged = {row["metric"] for row in read_metrics(beginning.folder.runs / "space-000" / "metrics.csv")}
    assert {name for name in known if not name.endswith(("_sigma_ratio", "_pull_width"))} <= logged
    assert "epoch   2/2" in (beginning.folder.logs / "space-000.log").read_text()
    # The same again: nothing is left to do.
    again = begin(["run.yaml", "space.yaml", *_words(beginning)])
    assert not again.is_new
    assert work(again.folder, told.append)
    assert table(again) == rows
    names = {path.stem for path in write_plots(scan_of(again), told.append)}
    assert names == {"history", "slice", "parallel", "epochs"}


def _words(beginning: Beginning) -> list[str]:
    """Changes that make run.yaml the configuration of a study."""
    from xec_geometry.support.flattening import flatten
    from xec_train.config.yaml_text import write_scalar

    stated = flatten(beginning.record.settings)
    return [
        f"{k}={v if isinstance(v, str) else write_scalar(v)}"
        for k, v in stated.items()
        if k[:9] != "data.trai"
    ]


def test_a_pruned_trial_is_marked(begun: Begun) -> None:
    """Whatever is above the threshold ends after its first epoch."""
    text = (
        "{sampler: grid, pruner: {name: threshold, upper: 0.0, n_warmup_steps: 2}, "
        "space: {training.epochs: [1, 3]}}"
    )
    beginning = begun(text, "mlflow.enabled=true")
    work(beginning.folder, lambda _: None)
    first, second = table(beginning)
    # Its last epoch is no reason to end early.
    assert (first["state"], first["epochs"]) == ("complete", "1")
    assert (second["state"], second["epochs"]) == ("pruned", "2")
    assert float(second["value"]) == losses(Path(second["run"]))[-1]
    with sqlite3.connect("mlflow.db") as database:
        assert dict(database.execute("select name, status from runs"))["space-001"] == "KILLED"
        state = "select value from tags where key = 'xec.trial.state' order by value"
        assert database.execute(state).fetchall() == [("complete",), ("pruned",)]
    database.close()


def test_an_interrupted_trial_goes_on_where_it_was(begun: Begun, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "{trials: 1, space: {training.lr: {low: 1.0e-3, high: 1.0e-2}}}"
    undisturbed = begun(text, name="undisturbed")
    work(undisturbed.folder, lambda _: None)
    beginning = begun(text, name="disturbed")
    report, stops = TrialRun._report, [False, True]

    def and_stop(self: TrialRun) -> None:
        report(self)
        if stops.pop():
            os.kill(os.getpid(), signal.SIGUSR1)

    with monkeypatch.context() as patch:
        patch.setattr(TrialRun, "_report", and_stop)
        assert not work(beginning.folder, lambda _: None)
    (waiting,) = scan_of(beginning).queues[0].trials()
    assert (waiting.state.name, list(waiting.intermediate_values)) == ("WAITING", [1])
    assert work(beginning.folder, lambda _: None)
    assert "continuing scans/disturbed/runs" in (beginning.folder.logs / "disturbed-000.log").read_text()
    run, other = beginning.folder.runs / "disturbed-000", undisturbed.folder.runs / "undisturbed-000"
    assert losses(run) == losses(other)
    (done,) = scan_of(beginning).queues[0].trials()
    assert list(done.intermediate_values.values()) == losses(other)


def test_weights_of_the_best_start_the_next_step(begun: Begun) -> None:
    text = """
sampler: grid
steps:
  - {name: rate, space: {training.lr: [1.0e-3, 1.0e-2]}, settings: {training.epochs: 1}}
  - {name: longer, from_best: weights, space: {training.epochs: [1]}}
"""
    beginning = begun(text)
    work(beginning.folder, lambda _: None)
    rows = table(beginning)
    assert [row["step"] for row in rows] == ["rate", "rate", "longer"]
    best = min(rows[:2], key=lambda row: float(row["value"]))
    log = (beginning.folder.logs / "space-longer-000.log").read_text()
    assert f"{best['run']}/checkpoint_best.pth" in log
    config = load_config(beginning.folder.best).config
    assert config.training.lr == float(best["training.lr"])
    assert config.checkpoint.resume_from == f"{best['run']}/checkpoint_best.pth"


def test_a_metric_that_no_epoch_has_ends_the_study(begun: Begun) -> None:
    # Whether there are such depends on more than the tasks: it is known after an epoch.
    beginning = begun("{trials: 2, metric: anchor_x, space: {training.lr: [1.0e-3]}}")
    with pytest.raises(ScanError, match=r"metric: an epoch has no 'anchor_x'.*val_resolution_deg"):
        work(beginning.folder, lambda _: None)
    trials = scan_of(beginning).queues[0].trials()
    assert [trial.state.name for trial in trials] == ["WAITING", "WAITING"]


def test_all_failed(begun: Begun) -> None:
    beginning = begun("{trials: 2, space: {data.train_path: [missing.root]}}")
    work(beginning.folder, lambda _: None)
    expected = "all 2 trials failed; trial 0: no such file: missing.root"
    with pytest.raises(NothingCompletedError, match=expected):
        scan_of(beginning).check_completed()
    assert not beginning.folder.best.exists()


@pytest.mark.parametrize(
    ("text", "changes", "difference"),
    [
        ("{trials: 2, space: {training.lr: [1, 2]}}", ["training.epochs=5"], "training.epochs: was 2, is 5"),
        (
            "{trials: 2, space: {training.lr: [1, 3]}}",
            [],
            "space.training.lr.choices: was [1, 2], is [1, 3]",
        ),
        (
            "{trials: 2, metric: phi_rms, space: {training.lr: [1, 2]}}",
            [],
            "metric: was val_loss, is phi_rms",
        ),
    ],
)
def test_another_study_under_the_same_name_is_refused(
    begun: Begun, text: str, changes: list[str], difference: str
) -> None:
    begun("{trials: 2, space: {training.lr: [1, 2]}}")
    with pytest.raises(ScanError) as caught:
        begun(text, *changes)
    assert str(caught.value) == (
        f"scans/space was begun with other values; expected the same, or another --name\n  {difference}"
    )


def test_a_step_may_be_called_as_a_key_is(begun: Begun) -> None:
    text = "{steps: [{name: sampler, trials: TRIALS, space: {training.lr: [RATE]}}]}"
    begun(text.replace("TRIALS", "2").replace("RATE", "1"))
    with pytest.raises(ScanError, match=r"steps\.sampler\.space\.training\.lr\.choices: was \[1\], is \[2\]"):
        begun(text.replace("TRIALS", "2").replace("RATE", "2"))
    notes = begun(text.replace("TRIALS", "3").replace("RATE", "1")).notes
    assert notes == ("changed: steps.sampler.trials: was 2, is 3",)


def test_what_does_not_matter_is_told(begun: Begun) -> None:
    begun("{trials: 2, space: {training.lr: [1, 2]}}")
    text = "{trials: 4, sampler: random, space: {training.lr: [1, 2]}}"
    notes = begun(text, "data.num_workers=1", "mlflow.experiment=x").notes
    assert notes == (
        "changed: data.num_workers: was 0, is 1",
        "changed: mlflow.experiment: was xec, is x",
        "changed: trials: was 2, is 4",
        "changed: sampler.name: was tpe, is random",
    )


def test_without_optuna(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ScanError, match=r"needs optuna: pip install 'xec-train\[scan\]'"):
        begin(["run.yaml", "space.yaml"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "expected two files, a configuration and a space, found none"),
        (["run.yaml"], "expected two files, a configuration and a space, found 1: run.yaml"),
    ],
)
def test_two_files_are_needed(words: list[str], message: str) -> None:
    with pytest.raises(ScanError, match=message):
        begin(words)


def test_short_names_tell_keys_apart() -> None:
    keys = ["training.lr", "tasks.energy.weight", "tasks.angle.weight", "training.time.weight", "geometry"]
    expected = ["lr", "energy.weight", "angle.weight", "time.weight", "geometry"]
    assert short_names(keys) == expected


def test_a_storage_that_is_none(begun: Begun, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    for storage, message in (
        ("notes.txt", "notes.txt is no journal of optuna"),
        ("sqlite:////nowhere/x.db", "unable to open database file"),
    ):
        with pytest.raises(ScanError, match=message):
            begun("{trials: 1, space: {training.lr: [1]}}", name=storage[:5], storage=storage)
        assert not Path("scans", storage[:5], "study.json").exists()
