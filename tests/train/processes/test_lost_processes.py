"""A process that is killed or stopped, or never comes: the other one ends with one line, in bounded time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.checkpoint_files import read_checkpoint
from tests.train.two_processes import prepare, run_of

pytestmark = pytest.mark.slow

XEC = str(Path(sys.executable).with_name("xec"))
SETTINGS = ("training.epochs=500", "checkpoint.save_artifacts=false", "distributed.timeout_minutes=0.15")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, small: tuple[str, ...]) -> Path:
    path = tmp_path_factory.mktemp("lost")
    prepare(path, {"0.root": 15, "val.root": 4}, small)
    return path


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    """Processes, which do not outlive a test."""
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        process.kill()
        process.communicate()


def start(folder: Path, rank: int, name: str, port: int) -> subprocess.Popen[str]:
    """One of two processes as srun starts them: unlike torchrun, it does not end the other one."""
    variables = {
        "SLURM_JOB_ID": str(port), "SLURM_NTASKS": "2", "SLURM_STEP_NUM_TASKS": "2", "MASTER_PORT": str(port),
        "SLURM_STEP_TASKS_PER_NODE": "2", "SLURM_NNODES": "1", "SLURM_NODELIST": "127.0.0.1",
        "SLURM_PROCID": str(rank), "SLURM_LOCALID": str(rank), "SLURM_NODEID": "0", "PYTHONUNBUFFERED": "1",
    }  # fmt: skip
    return subprocess.Popen(
        [XEC, "train", "run.yaml", f"mlflow.run_name={name}", *SETTINGS],
        cwd=folder, env={**os.environ, **variables}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def error_of(process: subprocess.Popen[str]) -> str:
    """Wait for the end, which has to be an error of one line."""
    _, printed = process.communicate(timeout=120)
    lines = [line for line in printed.splitlines() if line.startswith("xec: ")]
    assert process.returncode == 2, printed
    assert "Traceback" not in printed
    assert len(lines) == 1, printed
    return lines[0]


@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL], ids=lambda number: number.name)
def test_the_other_one_does_not_wait_for_ever(
    folder: Path, started: list[subprocess.Popen[str]], rank: int, number: signal.Signals
) -> None:
    name, port = f"{number.name}-{rank}", free_port()
    started += [start(folder, i, name, port) for i in (0, 1)]
    assert started[0].stdout is not None
    assert any(line.startswith("epoch ") for line in started[0].stdout)
    os.kill(started[rank].pid, number)
    error = error_of(started[1 - rank])
    assert error.startswith(f"xec: error: process {2 - rank} of 2 ")
    told = "distributed.timeout_minutes" if number == signal.SIGSTOP else "lost the connection"
    assert told in error
    assert error.endswith("the last checkpoint is unchanged")
    assert read_checkpoint(run_of(folder, name).checkpoint_last)["epoch"] >= 1


def test_a_process_that_never_comes(folder: Path, started: list[subprocess.Popen[str]]) -> None:
    started.append(start(folder, 0, "alone", free_port()))
    error = error_of(started[0])
    assert error.startswith("xec: error: process 1 of 2 waited 0.15 minutes for another one")
    assert not run_of(folder, "alone").path.exists()
