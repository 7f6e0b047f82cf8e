"""What runs within a job of SLURM: a command of xec, which goes on where it was when the job starts again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xec_geometry.cli.exit_codes import INTERRUPTED
from xec_train.cluster.slurm import is_running, requeue

# Not the program 'xec': it need not be on the PATH of a node.
_PROGRAM = "from xec_geometry.cli.application import main; main()"
_SIGNALLED = 128  # exit code of a program that a signal has ended, without its number
# Of SLURM; the process of rank 0 acts for all.
_JOB, _RANK, _RESTARTS = "SLURM_JOB_ID", "SLURM_PROCID", "SLURM_RESTART_COUNT"


@dataclass(frozen=True)
class Work:
    """A command, which a job may be interrupted in and started with again.

    Attributes
    ----------
    words
        The command line behind ``xec``.
    max_restarts
        How often the job is queued again; 0: never.
    """

    words: tuple[str, ...]
    max_restarts: int

    def __call__(self) -> None:
        """Run the command, and exit with its code; queue the job again if it was interrupted."""
        code = self.run()
        # What comes now would end the process while it closes files.
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
        if code == INTERRUPTED:
            code = self._interrupted()
        if code:
            sys.exit(code)

    def checkpoint(self) -> object:
        """Return what a job does after a signal that came before the command could heed it: the same."""
        from submitit.helpers import DelayedSubmission

        if self._restarts >= self.max_restarts or not is_running(os.environ[_JOB]):
            return None
        return DelayedSubmission(self)

    def run(self) -> int:
        """Run the command, and return its exit code."""
        raise NotImplementedError

    @property
    def _restarts(self) -> int:
        return int(os.environ.get(_RESTARTS, "0"))

    def _interrupted(self) -> int:
        if os.environ.get(_RANK, "0") != "0":
            # Rank 0 may still write: a process that fails would end it.
            return 0
        job = os.environ[_JOB]
        # A job that somebody cancels gets the same signal, and stays cancelled.
        if not is_running(job):
            return INTERRUPTED
        if self._restarts >= self.max_restarts:
            _tell(f"the job has been queued again {self._restarts} times (max_restarts); not once more")
            return INTERRUPTED
        requeue(job)
        _tell(f"job {job} is queued again, and goes on where it was")
        return INTERRUPTED


@dataclass(frozen=True)
class TrainingWork(Work):
    """A training: ``xec train``, in every process of the job.

    Attributes
    ----------
    run
        The run directory.
    """

    run_directory: str

    def run(self) -> int:
        """Train, from the last checkpoint if the job has been started before."""
        from xec_geometry.cli.application import main

        try:
            main(["train", *self.words, *self._where_it_was()])
        except SystemExit as end:
            return int(end.code or 0)
        return 0

    def _where_it_was(self) -> Sequence[str]:
        checkpoint = Path(self.run_directory) / "checkpoint_last.pth"
        if not self._restarts or not checkpoint.exists():
            return ()
        # What the first start was told to do once is done.
        once = ("reset_epoch", "refresh_lr", "new_mlflow_run")
        return (
            f"checkpoint.resume_from={checkpoint}",
            *(f"checkpoint.{key}=false" for key in once),
        )


@dataclass(frozen=True)
class CommandWork(Work):
    """Another command, as a process: what is finished is not made again by the same command."""

    def run(self) -> int:
        """Run the command."""
        process = subprocess.Popen([sys.executable, "-c", _PROGRAM, *self.words])
        self._started()
        code = process.wait()
        # A signal for the job reaches the process too, and ends it, at once or in order.
        return INTERRUPTED if code < 0 or code > _SIGNALLED else code

    def _started(self) -> None:
        """Do what is to be done while the command runs."""


@dataclass(frozen=True)
class ScanWork(CommandWork):
    """A worker of a study: after a signal its trial writes a checkpoint, and waits for any worker."""

    def _started(self) -> None:
        # The job would be queued again, and ended, before the checkpoint is written.
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)


def _tell(text: str) -> None:
    print(f"xec: {text}", file=sys.stderr, flush=True)
