"""`xec scan` with workers of its own, as users run it: killed, interrupted, with errors."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from xec_train.commands.scan import scan
from xec_train.config.train_config import TrainConfig
from xec_train.scan.folder import find_study
from xec_train.scan.progress import Scan
from xec_train.scan.study import WORKER
from xec_train.tracking.metrics_file import read_metrics

ROOT = Path(__file__).parents[3]
SHALLOW_PYTHON = Path(__file__).parent.parent / "cluster" / "shallow_python.py"
PROGRAM = """
import sys
import typer
from xec_geometry.cli.boundary import boundary
from xec_train.commands.scan import scan

app = typer.Typer()
app.command(context_settings=scan.context_settings)(scan)
with boundary(["scan"]):
    sys.exit(app(standalone_mode=False) or 0)
"""
_PATIENCE = 240.0

app = typer.Typer()
app.command(context_settings=scan.context_settings)(scan)  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def _files(configure: Callable[..., TrainConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration, and a Python whose networks are as small as those of tests."""
    configure()
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{SHALLOW_PYTHON}" "$@"\n')
    python.chmod(0o755)
    paths = [str(ROOT), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(dict.fromkeys(paths)))
    monkeypatch.setenv("XEC_TESTS_PYTHON", str(python))


def started(*words: str) -> subprocess.Popen[str]:
    command = [os.environ["XEC_TESTS_PYTHON"], "-c", PROGRAM, "run.yaml", "space.yaml", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + _PATIENCE
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)


def table() -> list[dict[str, str]]:
    with Path("scans/space/trials.csv").open() as file:
        return list(csv.DictReader(file))


def losses(run: str) -> list[str]:
    return [row["value"] for row in read_metrics(Path(run, "metrics.csv")) if row["metric"] == "val_loss"]


def workers() -> Iterator[int]:
    """Process numbers of the workers that have taken a trial."""
    for path in Path("scans/space/workers").glob("*.alive"):
        found = re.match(r".*-(\d+)-[0-9a-f]+\.alive", path.name)
        assert found is not None
        yield int(found[1])


def worker_of(number: int) -> str:
    """Name of the worker that has a trial."""
    study = Scan.open(*find_study("space"))
    return str(study.queues[0].trials()[number].user_attrs[WORKER])


def is_running(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


@pytest.mark.slow
def test_the_trial_of_a_killed_worker_goes_on_where_it_was(small: tuple[str, ...]) -> None:
    """Two workers, one of which is killed in the midst of a trial: all end as if nothing had happened."""
    Path("space.yaml").write_text("{sampler: grid, space: {training.lr: [1.0e-3, 3.0e-3, 1.0e-2]}}")
    words = [*small, "training.epochs=6"]
    process = started(*words, "--workers", "2")
    checkpoint = Path("scans/space/runs/space-000/checkpoint_last.pth")
    wait_until(checkpoint.exists, process)
    killed = int(worker_of(0).split("-")[-2])
    os.kill(killed, signal.SIGKILL)
    out, err = process.communicate(timeout=_PATIENCE)
    assert process.returncode == 0, err
    assert "was killed by signal 9; its trial is tried again" in out
    rows = table()
    assert [row["state"] for row in rows] == ["complete"] * 3
    assert sorted(row["lost"] for row in rows) == ["0", "0", "1"]
    lost = next(row for row in rows if row["lost"] == "1")
    log = Path("scans/space/logs", f"{Path(lost['run']).name}.log").read_text()
    assert log.count("device: cpu") == 2
    assert [len(losses(row["run"])) for row in rows] == [6, 6, 6]
    assert f"best: {Path(min(rows, key=lambda row: float(row['value']))['run']).name}" in out
    assert not list(workers())
    shown = run("--show", "space")
    assert shown.exit_code == 0
    assert "3 complete\nbest: space-" in shown.output


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_ends_the_workers_in_order(small: tuple[str, ...], number: signal.Signals) -> None:
    Path("space.yaml").write_text("{trials: 2, space: {training.lr: {low: 1.0e-3, high: 1.0e-2}}}")
    words = [*small, "training.epochs=1000"]
    process = started(*words)
    wait_until(Path("scans/space/runs/space-000/checkpoint_last.pth").exists, process)
    (pid,) = workers()
    process.send_signal(number)
    out, err = process.communicate(timeout=_PATIENCE)
    assert process.returncode == 75, err
    assert "the same command goes on" in err
    assert not is_running(pid)
    assert [row["state"] for row in table()] == ["waiting", "waiting"]
    assert not list(Path().rglob(".xec-*"))
    assert "2 waiting" in out


def test_errors_of_both_files(small: tuple[str, ...]) -> None:
    Path("space.yaml").write_text("{trials: 2, space: {training.lrr: [1]}}")
    done = run("run.yaml", "space.yaml", *small)
    assert "space.yaml: space.training.lrr: unknown key" in str(done.exception)
    assert not Path("scans").exists()
    done = run("run.yaml", "space.yaml", *small, "--epochs", "many")
    assert "command line: training.epochs: found 'many'" in str(done.exception)


def test_a_dry_run_says_what_would_be_tried(small: tuple[str, ...]) -> None:
    Path("space.yaml").write_text("{sampler: grid, space: {training.lr: [1, 2], training.epochs: [1, 2, 3]}}")
    done = run("run.yaml", "space.yaml", *small, "--dry-run")
    assert done.exit_code == 0
    assert "6 trials by grid, over training.lr, training.epochs" in done.output
    assert not Path("scans").exists()


def test_all_failed(small: tuple[str, ...]) -> None:
    Path("space.yaml").write_text("{trials: 2, space: {data.val_path: [missing.root]}}")
    process = started(*small)
    out, err = process.communicate(timeout=_PATIENCE)
    assert process.returncode == 2
    assert err == "xec: error: all 2 trials failed; trial 0: no such file: missing.root\n"
    assert out.count("failed: no such file: missing.root") == 2


def test_a_study_that_is_not_there() -> None:
    done = run("--show", "nothing")
    assert str(done.exception) == "no study 'nothing'; none here"


def test_a_study_is_shown_as_it_is() -> None:
    done = run("--show", "space", "training.epochs=3", "--workers", "2")
    expected = "--show: a study that has begun, expected nothing else; found --workers training.epochs=3"
    assert str(done.exception) == expected
