"""The launcher of several processes, known from environment variables without torch."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from xec_geometry.cli.exit_codes import USER_ERROR
from xec_geometry.support.leaving import leave, leave_at_once
from xec_train.errors import ConfigError, LaunchError, ReportedElsewhereError

DEFAULT_TIMEOUT = 30.0
"""Minutes that a process waits for the others, which may write a checkpoint or compile meanwhile."""

TORCHRUN, SRUN = "torchrun", "srun"
_TORCHRUN_VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
# Within the script of a SLURM job, but outside of srun, there is one process, whatever the job has asked for.
_SRUN_COUNT = "SLURM_STEP_NUM_TASKS"
# Launchers that Fabric cannot connect: unconnected processes would all train the same run.
_OTHER_COUNTS = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE")
# Seconds.
_HEAD_START = 3.0
_EQUAL_TASKS = re.compile(r"(\d+)(\(x\d+\))?")


@dataclass(frozen=True)
class Launch:
    """The position of a process among those of a training.

    Attributes
    ----------
    launcher
        ``torchrun``, ``srun``, or nothing if there is one process.
    rank, world
        Rank of the process, and the number of processes.
    local_rank, per_node
        Rank and number of processes on its machine.
    """

    launcher: str = ""
    rank: int = 0
    world: int = 1
    local_rank: int = 0
    per_node: int = 1

    @property
    def nodes(self) -> int:
        """Number of machines."""
        return self.world // self.per_node


def detect_launch(environment: Mapping[str, str]) -> Launch:
    """Read the environment variables of torchrun and srun.

    Parameters
    ----------
    environment
        Usually `os.environ`.

    Raises
    ------
    LaunchError
        If they contradict each other, or another launcher started several processes.
    """
    if environment.get("WORLD_SIZE", "1") != "1":
        missing = [name for name in _TORCHRUN_VARIABLES if name not in environment]
        if missing:
            raise LaunchError(
                f"WORLD_SIZE is {environment['WORLD_SIZE']}, but {', '.join(missing)} not set; "
                "expected several processes to be started by torchrun or srun"
            )
        rank, world, local_rank, per_node = (int(environment[name]) for name in _TORCHRUN_VARIABLES[:4])
        return _even(Launch(TORCHRUN, rank, world, local_rank, per_node))
    if environment.get(_SRUN_COUNT, "1") != "1":
        world, tasks = int(environment[_SRUN_COUNT]), environment.get("SLURM_STEP_TASKS_PER_NODE", "")
        equal = _EQUAL_TASKS.fullmatch(tasks)
        if equal is None:
            raise LaunchError(f"srun started {tasks or '?'} processes per node; {_EQUALLY_MANY}")
        rank, local_rank = int(environment["SLURM_PROCID"]), int(environment["SLURM_LOCALID"])
        return _even(Launch(SRUN, rank, world, local_rank, int(equal[1])))
    for name in _OTHER_COUNTS:
        if environment.get(name, "1") != "1":
            raise LaunchError(
                f"{name} is {environment[name]}; expected several processes to be started by torchrun or srun"
            )
    return Launch()


@contextmanager
def reported_once() -> Iterator[None]:
    """Let one process report an error that all have; the others exit silently with the same status."""
    try:
        with _left_at_once_after_errors():
            yield
    except ReportedElsewhereError:
        _exit_silently()
    except (ConfigError, LaunchError):
        # The processes are not connected yet; but every machine has files of its own.
        if os.environ.get("LOCAL_RANK", os.environ.get("SLURM_LOCALID", "0")) == "0":
            raise
        _exit_silently()


@contextmanager
def _left_at_once_after_errors() -> Iterator[None]:
    """Keep one of several processes from tidying up after an error: threads of gloo wait for the others."""
    try:
        yield
    except BaseException:
        with suppress(LaunchError):
            if detect_launch(os.environ).world > 1:
                leave_at_once()
        raise


def _exit_silently() -> None:
    # A launcher ends all processes when one has failed: leave time to the one that reports.
    time.sleep(_HEAD_START)
    leave(USER_ERROR)


_EQUALLY_MANY = "expected equally many on every node (--ntasks-per-node=N, or torchrun --nproc-per-node=N)"


def _even(launch: Launch) -> Launch:
    if launch.world % launch.per_node:
        raise LaunchError(f"{launch.world} processes, {launch.per_node} of them here; {_EQUALLY_MANY}")
    return launch
