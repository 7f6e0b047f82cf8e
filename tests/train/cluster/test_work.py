"""What a job does in the end, without SLURM."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from xec_geometry.cli.exit_codes import INTERRUPTED
from xec_train.cluster import work
from xec_train.cluster.work import CommandWork, TrainingWork, Work


@dataclass(frozen=True)
class Finished(Work):
    """Work that ends with a code."""

    code: int = INTERRUPTED

    def run(self) -> int:
        return self.code


@pytest.fixture
def requeued(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Ids of the jobs that were queued again."""
    jobs: list[str] = []
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    monkeypatch.delenv("SLURM_RESTART_COUNT", raising=False)
    monkeypatch.setattr(work, "requeue", jobs.append)
    monkeypatch.setattr(work, "is_running", lambda job: job == "12")
    before = signal.getsignal(signal.SIGUSR2)
    yield jobs
    signal.signal(signal.SIGUSR2, before)


def code_of(what: Work) -> int:
    codes: list[object] = [0]
    try:
        what()
    except SystemExit as end:
        codes.append(end.code)
    code = codes[-1]
    assert isinstance(code, int)
    return code


def test_an_interrupted_job_is_queued_again(requeued: list[str]) -> None:
    assert code_of(Finished((), 3)) == INTERRUPTED
    assert requeued == ["12"]


@pytest.mark.parametrize("code", [0, 2, 70])
def test_a_job_that_has_ended_is_not(code: int, requeued: list[str]) -> None:
    assert code_of(Finished((), 3, code)) == code
    assert not requeued


def test_nor_one_that_was_started_too_often(
    requeued: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SLURM_RESTART_COUNT", "3")
    assert code_of(Finished((), 3)) == INTERRUPTED
    assert Finished((), 3).checkpoint() is None
    assert not requeued
    assert "has been queued again 3 times (max_restarts); not once more" in capsys.readouterr().err


def test_nor_one_that_somebody_cancels(requeued: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "is_running", lambda job: False)
    assert code_of(Finished((), 3)) == INTERRUPTED
    assert Finished((), 3).checkpoint() is None
    assert not requeued


def test_the_first_process_acts_for_all(requeued: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_PROCID", "1")
    assert code_of(Finished((), 3)) == 0
    assert not requeued


def test_a_training_goes_on_from_its_last_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []
    monkeypatch.setattr("xec_geometry.cli.application.main", calls.append)
    monkeypatch.delenv("SLURM_RESTART_COUNT", raising=False)
    training = TrainingWork(("config.yaml",), 3, str(tmp_path))
    last = tmp_path / "checkpoint_last.pth"
    training.run()
    last.touch()
    training.run()
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    training.run()
    once = [f"checkpoint.{key}=false" for key in ("reset_epoch", "refresh_lr", "new_mlflow_run")]
    first = ["train", "config.yaml"]
    assert calls == [first, first, [*first, f"checkpoint.resume_from={last}", *once]]


def test_a_command_runs_as_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    assert CommandWork(("--version",), 0).run() == 0
    assert CommandWork(("no-such-command",), 0).run() == 2
    monkeypatch.setattr(work, "_PROGRAM", "import os, signal; os.kill(os.getpid(), signal.SIGUSR2)")
    assert CommandWork((), 0).run() == INTERRUPTED
    monkeypatch.setattr(work, "_PROGRAM", "raise SystemExit(143)")
    assert CommandWork((), 0).run() == INTERRUPTED
