"""Workers of a study as jobs of a real SLURM."""

from __future__ import annotations

import csv
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from xec_train.cluster.job_folder import DEFAULT_FOLDER, find_job
from xec_train.cluster.slurm import job_states
from xec_train.commands.submit import app

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("_cluster")]

_PATIENCE = 240.0


def xec_submit(*words: str) -> Result:
    return CliRunner().invoke(app, ["scan", "run.yaml", "space.yaml", *words])


def logs() -> str:
    return "\n".join(path.read_text() for path in sorted(Path("jobs/space").glob("*_log.*")))


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < end, logs()
        time.sleep(0.2)


def test_workers_share_a_study_and_one_is_preempted(
    configure: Callable[..., object], small: tuple[str, ...]
) -> None:
    """Two jobs; when another one needs the cores, trials write checkpoints and go on later."""
    configure()
    Path("space.yaml").write_text("{sampler: grid, space: {training.lr: [1.0e-3, 3.0e-3, 1.0e-2]}}")
    words = [*small, "training.epochs=8", "--workers", "2", "--time", "30"]
    done = xec_submit(*words, "--dry-run")
    assert done.exit_code == 0, (done.output, done.exception)
    assert "#SBATCH --array=0-1" in done.output
    assert not Path("scans").exists()
    done = xec_submit(*words, "--partition", "low", "--cpus", "20")
    assert done.exit_code == 0, (done.output, done.exception)
    job = find_job("space", DEFAULT_FOLDER)[1].job
    assert f"job {job}: space (1 node with no GPU, 0:30:00, partition low, 2 times)" in done.output.replace(
        "00:30", "0:30"
    )
    wait_until(Path("scans/space/runs/space-000/checkpoint_last.pth").exists)
    wait_until(Path("scans/space/runs/space-001/checkpoint_last.pth").exists)
    wanted = ["sbatch", "--partition=high", "--cpus-per-task=40", "--output=/dev/null", "--wrap=sleep 1"]
    subprocess.run(wanted, check=True, capture_output=True)
    wait_until(lambda: "is queued again" in logs())
    wait_until(lambda: not any(state.is_alive for state in job_states(job)))
    assert {state.state for state in job_states(job)} == {"COMPLETED"}, logs()
    with Path("scans/space/trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["state"], row["epochs"]) for row in rows] == [("complete", "8")] * 3, logs()
    trained = [Path("scans/space/logs", f"space-{n:03d}.log").read_text() for n in range(3)]
    assert any("continuing scans/space/runs" in text for text in trained)
    assert "best: space-" in logs()
    assert Path("scans/space/best.yaml").exists()
    assert "3 of 3 trials" in CliRunner().invoke(app, ["status"]).output
