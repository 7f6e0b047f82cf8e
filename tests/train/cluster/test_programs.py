"""Programs of SLURM: how they are called, and what is read from their answers and from logs."""

from __future__ import annotations

from pathlib import Path

import pytest

from xec_train.cluster import slurm
from xec_train.cluster.errors import ClusterError
from xec_train.cluster.failures import find_failure
from xec_train.cluster.job_folder import JobFolder
from xec_train.cluster.slurm import JobState


@pytest.fixture
def answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Stand-ins for the programs: each writes down how it was called, and says what stands in a file."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    files = {}
    for name in ("squeue", "sacct", "scontrol", "scancel"):
        files[name] = folder / f"{name}.answer"
        files[name].touch()
        program = folder / name
        program.write_text(f'#!/bin/sh\necho "{name} $*" >> {folder}/calls\ncat {files[name]}\n')
        program.chmod(0o755)
    files["calls"] = folder / "calls"
    return files


def test_the_cluster_is_named_to_all_of_them(answers: dict[str, Path]) -> None:
    slurm.job_states("7", "merlin")
    slurm.exit_code("7", "merlin")
    slurm.cancel("7", "merlin")
    calls = answers["calls"].read_text().splitlines()
    assert [call.split()[:2] for call in calls] == [
        [name, "--clusters=merlin"] for name in ("squeue", "sacct", "scontrol", "scancel")
    ]
    answers["calls"].unlink()
    slurm.job_states("7")
    assert "--clusters" not in answers["calls"].read_text()


def test_states_of_the_queue(answers: dict[str, Path]) -> None:
    answers["squeue"].write_text(
        "CLUSTER: merlin\n"
        "7_0|7|0|RUNNING|1:02|12:00:00|node[1-2]|None\n"
        "7_1|7|1|PENDING|0:00|12:00:00||(Resources, or | other words)\n"
    )
    assert slurm.job_states("7") == [
        JobState("7_0", "RUNNING", "1:02", "12:00:00", "node[1-2]"),
        JobState("7_1", "PENDING", "0:00", "12:00:00", "", "(Resources, or | other words)"),
    ]


def test_the_accounts_know_older_jobs(answers: dict[str, Path]) -> None:
    answers["sacct"].write_text("7|CANCELLED by 1000|00:01:02|12:00:00|node1\n")
    (state,) = slurm.job_states("7")
    assert state == JobState("7", "CANCELLED", "00:01:02", "12:00:00", "node1")
    assert not state.is_alive


@pytest.mark.parametrize(
    ("text", "running"),
    [("JobId=7 JobState=RUNNING Reason=None", True), ("JobId=7 JobState=COMPLETING Reason=None", False)],
)
def test_whether_a_job_runs(text: str, running: bool, answers: dict[str, Path]) -> None:
    answers["scontrol"].write_text(text)
    assert slurm.is_running("7") is running


def test_errors_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ClusterError, match=r"^no program 'squeue' here; expected a machine"):
        slurm.job_states("7")
    program = tmp_path / "squeue"
    program.write_text(
        "#!/bin/sh\necho 'slurm_load_jobs error: Unable to contact slurm controller' >&2\nexit 1\n"
    )
    program.chmod(0o755)
    with pytest.raises(ClusterError, match=r"^squeue: slurm_load_jobs error: Unable to contact"):
        slurm.job_states("7")


OURS = "note\nxec: error: run.yaml: 2 problems\n  lr: a\n  epochs: b\nsrun: error: n: task 0: Exited\n"
PYTHONS = 'Traceback (most recent call last):\n  File "x"\nModuleNotFoundError: No module named x\n'
OF_SRUN = "srun: error: n1: task 0: Out Of Memory\nsrun: Terminating StepId=7.0\n"
OF_THE_LIMIT = "slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2026 DUE TO TIME LIMIT ***\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (OURS, "run.yaml: 2 problems\n  lr: a\n  epochs: b"),
        (PYTHONS, "ModuleNotFoundError: No module named x"),
        (OF_SRUN, "n1: task 0: Out Of Memory"),
        (OF_THE_LIMIT, "JOB 7 ON n1 CANCELLED AT 2026 DUE TO TIME LIMIT"),
        ("", ""),
    ],
)
def test_the_error_of_a_job_is_found_in_its_logs(text: str, message: str, tmp_path: Path) -> None:
    folder = JobFolder(tmp_path)
    folder.log("7", 0, "err").write_text("all is well\n")
    folder.log("7", 1, "err").write_text(text)
    folder.log("7_1", 0, "err").write_text("xec: error: of another job\n")
    failure = find_failure(folder, "7")
    assert failure.message == message
    assert failure.log == folder.log("7", 1 if message else 0, "err")
