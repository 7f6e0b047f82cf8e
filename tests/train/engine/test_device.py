"""Who started how many processes, and what random numbers each of them draws."""

from __future__ import annotations

import pytest
import torch

from xec_train.engine.hardware.device import reseed
from xec_train.errors import LaunchError, TrainError
from xec_train.processes import launch as launch_module
from xec_train.processes.launch import Launch, detect_launch

TORCHRUN = {
    "RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4",
    "MASTER_ADDR": "node1", "MASTER_PORT": "29500",
}  # fmt: skip
SRUN = {
    "SLURM_STEP_NUM_TASKS": "6", "SLURM_STEP_TASKS_PER_NODE": "2(x3)",
    "SLURM_PROCID": "3", "SLURM_LOCALID": "1",
}  # fmt: skip


@pytest.mark.parametrize(
    ("environment", "expected", "nodes"),
    [
        ({}, Launch(), 1),
        # The script of a SLURM job, outside of srun: whatever the job has asked for, this is one process.
        ({"SLURM_JOB_ID": "17", "SLURM_NTASKS": "8", "SLURM_PROCID": "0"}, Launch(), 1),
        ({**TORCHRUN, "WORLD_SIZE": "1"}, Launch(), 1),
        (TORCHRUN, Launch("torchrun", 5, 8, 1, 4), 2),
        (SRUN, Launch("srun", 3, 6, 1, 2), 3),
        # One torchrun per node, each started by srun.
        ({**SRUN, **TORCHRUN}, Launch("torchrun", 5, 8, 1, 4), 2),
    ],
)
def test_launchers(environment: dict[str, str], expected: Launch, nodes: int) -> None:
    launch = detect_launch(environment)
    assert launch == expected
    assert launch.nodes == nodes


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"WORLD_SIZE": "2", "RANK": "0"}, "WORLD_SIZE is 2, but LOCAL_RANK, .* not set"),
        ({**SRUN, "SLURM_STEP_TASKS_PER_NODE": "2(x2),1"}, r"2\(x2\),1 processes per node; expected equally"),
        ({**TORCHRUN, "WORLD_SIZE": "7"}, "7 processes, 4 of them here; expected equally many"),
        ({"OMPI_COMM_WORLD_SIZE": "4"}, "OMPI_COMM_WORLD_SIZE is 4; expected .* torchrun or srun"),
    ],
)
def test_processes_that_could_not_train_together(environment: dict[str, str], message: str) -> None:
    with pytest.raises(LaunchError, match=message):
        detect_launch(environment)


def test_every_process_and_step_has_random_numbers_of_its_own() -> None:
    drawn = []
    for rank, seed, step in ((0, 1, 0), (0, 1, 0), (1, 1, 0), (0, 2, 0), (0, 1, 7)):
        reseed(seed, rank, step)
        drawn.append(tuple(torch.rand(4).tolist()))
    assert drawn[0] == drawn[1]
    assert len(set(drawn)) == 4


@pytest.mark.parametrize(("environment", "at_once"), [({}, False), (TORCHRUN, True), (SRUN, True)])
def test_after_an_error_one_of_several_processes_leaves_at_once(
    environment: dict[str, str], at_once: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = []
    monkeypatch.setattr(launch_module, "leave_at_once", lambda: left.append(True))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(TrainError, match="a file"), launch_module.reported_once():
        raise TrainError("a file is missing")
    assert bool(left) == at_once
