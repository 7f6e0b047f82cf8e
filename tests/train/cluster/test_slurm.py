"""Trainings on a real SLURM: what happens to them there, and what their user sees."""

from __future__ import annotations

import csv
import sqlite3
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner, Result

from xec_train.cluster.executor import submit as submit_work
from xec_train.cluster.job_folder import DEFAULT_FOLDER, find_job
from xec_train.cluster.profile import Profile
from xec_train.cluster.profile_file import read_cluster_file
from xec_train.cluster.slurm import job_states
from xec_train.cluster.work import TrainingWork
from xec_train.commands.submit import app
from xec_train.config.template import template

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("_cluster")]

_PATIENCE = 240.0


@pytest.fixture(autouse=True)
def _configuration(configure: Callable[..., object]) -> None:
    configure()


@pytest.fixture(autouse=True, scope="module")
def long_job(
    cluster_variables: dict[str, str],
    event_files: tuple[Path, Path],
    small: tuple[str, ...],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, str]:
    """A training that runs beside the tests: SLURM looks at limits every half a minute only."""
    folder = tmp_path_factory.mktemp("long")
    files = ["--train_path", str(event_files[0]), "--val_path", str(event_files[1])]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in cluster_variables.items():
            patch.setenv(name, value)
        patch.chdir(folder)
        Path("run.yaml").write_text(template())
        length = ["training.epochs=100000", "training.max_minutes=0.75", "--time", "1"]
        return folder, submitted("long", [*files, *small, *length])


def xec_submit(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def submitted(name: str, words: Sequence[str]) -> str:
    """Submit a training; return the id of its job."""
    done = xec_submit("run.yaml", *words, "--name", name)
    assert done.exit_code == 0, (done.output, done.exception)
    return find_job(name, DEFAULT_FOLDER)[1].job


def wait_until(condition: Callable[[], bool], job: str) -> None:
    end = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < end, logs(job)
        time.sleep(0.2)


def state(job: str) -> str:
    return job_states(job)[0].state


def ended(job: str) -> str:
    """Wait for the end of a job; return its state."""
    wait_until(lambda: not any(state.is_alive for state in job_states(job)), job)
    return state(job)


def logs(job: str) -> str:
    return "\n".join(path.read_text() for path in sorted(DEFAULT_FOLDER.glob(f"*/{job}_*log.*")))


def begun(run: str, job: str) -> None:
    """Wait until a training has made some steps, and its first checkpoint."""
    wait_until(lambda: Path("artifacts", run, "checkpoint_last.pth").exists(), job)


def weights(run: str) -> dict[str, torch.Tensor]:
    found = torch.load(Path("artifacts", run, "checkpoint_last.pth"), weights_only=True)["model"]
    assert found
    return dict(found)


def steps(run: str) -> list[int]:
    """Steps of a training's epochs, as it logged them."""
    with Path("artifacts", run, "metrics.csv").open() as file:
        return [int(row["step"]) for row in csv.DictReader(file) if row["metric"] == "train_loss"]


def mlflow_runs(database: str = "mlflow.db") -> list[tuple[str, str]]:
    with sqlite3.connect(database) as connection:
        rows = connection.execute("select name, status from runs").fetchall()
    connection.close()
    return sorted(rows)


def test_a_job_that_is_preempted_ends_as_one_that_nobody_disturbed(small: tuple[str, ...]) -> None:
    """The same weights, bit for bit, and one run of MLflow."""
    tracked = [word for word in small if not word.startswith("mlflow.enabled")]
    words = [*tracked, "training.epochs=16", "checkpoint.every_minutes=0.001", "--time", "30"]
    undisturbed = submitted("undisturbed", words)
    # Not enough cores for both, and whatever else runs.
    job = submitted("preempted", [*words, "--partition", "low", "--cpus", "33"])
    begun("preempted", job)
    wanted = ["sbatch", "--partition=high", "--cpus-per-task=32", "--output=/dev/null", "--wrap=sleep 1"]
    subprocess.run(wanted, check=True, capture_output=True)
    wait_until(lambda: "is queued again" in logs(job), job)
    assert ended(job) == ended(undisturbed) == "COMPLETED", logs(job)
    text = logs(job)
    assert "SIGUSR2: stopping after this step" in text
    assert "continuing artifacts/preempted/checkpoint_last.pth" in text
    found, expected = weights("preempted"), weights("undisturbed")
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert steps("preempted") == steps("undisturbed"), "nothing is trained twice"
    assert mlflow_runs() == [("preempted", "FINISHED"), ("undisturbed", "FINISHED")]


def test_two_processes_train_one_network(small: tuple[str, ...]) -> None:
    done = xec_submit("run.yaml", *small, "--name", "two", "--tasks-per-node", "2", "--wait")
    job = find_job("two", DEFAULT_FOLDER)[1].job
    assert done.exit_code == 0, logs(job)
    assert done.output.splitlines()[-1] == f"job {job}: completed"
    assert ", 2 processes" in logs(job)
    # 64 events in batches of 16 for each of two processes, twice.
    assert steps("two") == [2, 4]
    shown = xec_submit("status", "two")
    assert "epoch 2/2" in shown.output
    assert xec_submit("logs", "two").output.count("done: epoch 2") == 1
    assert "done:" not in xec_submit("logs", "two", "--rank", "1").output


def test_a_job_that_is_cancelled_stays_so(small: tuple[str, ...]) -> None:
    job = submitted("cancelled", [*small, "training.epochs=100000"])
    begun("cancelled", job)
    again = xec_submit("run.yaml", *small, "--name", "cancelled", "checkpoint.resume_from=auto")
    assert f"'cancelled' is job {job} already (running)" in str(again.exception)
    assert xec_submit("cancel", "cancelled").output == f"cancelled: job {job} is cancelled\n"
    assert ended(job) == "CANCELLED"
    text = logs(job)
    assert "SIGTERM: stopping after this step" in text
    assert "queued again" not in text
    shown = xec_submit("status", "cancelled")
    assert shown.exit_code == 1
    assert xec_submit("cancel", job).output == f"cancelled: job {job} has ended already\n"
    # It can be continued.
    changes = ["training.epochs=1", "checkpoint.resume_from=auto", "--wait"]
    assert xec_submit("run.yaml", *small, "--name", "cancelled", *changes).exit_code == 0


def test_the_error_of_a_job_reaches_the_terminal(small: tuple[str, ...]) -> None:
    done = xec_submit("run.yaml", *small, "--name", "bad", "--train-path", "no.root", "--wait")
    _, record = find_job("bad", DEFAULT_FOLDER)
    log = f"jobs/bad/{record.job}_0_log.err"
    assert done.exit_code == 2, logs(record.job)
    told = f"bad: job {record.job} failed: no such file: no.root\n  log: {log}\n"
    assert done.stderr.endswith(told)
    assert "xec: error: no such file: no.root" in Path(log).read_text()
    shown = xec_submit("status", "bad")
    assert shown.exit_code == 1
    assert told in shown.output


def test_jobs_that_start_together_share_a_folder_and_a_database(small: tuple[str, ...]) -> None:
    tracked = [word for word in small if not word.startswith("mlflow.enabled")]
    # Names of runs that are left to the time: each has a directory of its own.
    work = [
        TrainingWork(("run.yaml", *tracked, f"training.seed={seed}"), 0, "artifacts/none")
        for seed in range(4)
    ]
    environments = read_cluster_file().environments
    job = submit_work(work, Path("jobs/array"), "array", Profile(), environments)
    wait_until(lambda: not any(state.is_alive for state in job_states(job)), job)
    assert [state.state for state in job_states(job)] == ["COMPLETED"] * 4, logs(job)
    runs = sorted(path.name for path in Path("artifacts").iterdir())
    assert len(runs) == 4
    assert mlflow_runs() == [(name, "FINISHED") for name in runs], logs(job)
    assert "warning" not in logs(job)


# The last one: it waits for a job that began before the first one.
def test_a_job_that_is_out_of_time_goes_on_in_a_second_one(
    long_job: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, job = long_job
    monkeypatch.chdir(folder)
    assert ended(job) == "COMPLETED", logs(job)
    text = logs(job)
    assert f"job {job} is queued again" in text
    assert "continuing artifacts/long/checkpoint_last.pth" in text
    assert text.count("done: epoch") == 1
    found = steps("long")
    assert found == sorted(set(found)), "nothing is trained twice"
