"""Programs of SLURM: squeue, sacct, scontrol and scancel, all of one cluster."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from xec_train.cluster.errors import ClusterError

RUNNING = "RUNNING"
ALIVE = frozenset(
    {"PENDING", "CONFIGURING", RUNNING, "COMPLETING", "REQUEUED", "REQUEUE_HOLD", "RESIZING", "SUSPENDED"}
    | {"SIGNALING", "STAGE_OUT", "STOPPED", "SPECIAL_EXIT"}
)
"""States of a job that has not ended."""

_PATIENCE = 60  # seconds that a busy controller may take
_UNKNOWN_JOB = "Invalid job id"
_FIELDS = ("%i", "%F", "%K", "%T", "%M", "%l", "%N", "%r")


@dataclass(frozen=True)
class JobState:
    """A job, or one of an array.

    Attributes
    ----------
    job
        Its id, as ``12`` or ``12_3``.
    state
        In SLURM's words, such as ``PENDING``.
    used, limit
        Its time so far, and its time limit.
    nodes
        Where it runs.
    reason
        Why it waits or has ended; empty if there is none.
    """

    job: str
    state: str
    used: str = ""
    limit: str = ""
    nodes: str = ""
    reason: str = ""

    @property
    def is_alive(self) -> bool:
        """Whether it waits or runs."""
        return self.state in ALIVE


def job_states(job: str, cluster: str | None = None) -> list[JobState]:
    """Ask for the states of a job, or of all jobs of an array.

    Parameters
    ----------
    job
        Id of the job or the array.
    cluster
        Its cluster; None: the only one.

    Returns
    -------
    list of JobState
        Empty if SLURM does not know the job any more: minutes after its end, where nobody keeps accounts.

    Raises
    ------
    ClusterError
        If SLURM does not answer.
    """
    words = ["--noheader", "--array", "--states=all", f"--jobs={job}", f"--format={'|'.join(_FIELDS)}"]
    lines = _answer("squeue", [*_of(cluster), *words]).splitlines()
    # With several clusters a line names the one that follows.
    found = [
        fields for line in lines if len(fields := line.strip().split("|", len(_FIELDS) - 1)) == len(_FIELDS)
    ]
    states = [_from_queue(*fields) for fields in found]
    return states or _accounted(job, cluster)


def exit_code(job: str, cluster: str | None = None) -> int | None:
    """Return the exit code of a job that has ended; None if SLURM has forgotten it."""
    text = _answer("scontrol", [*_of(cluster), "show", "job", "--oneliner", job])
    found = re.search(r" ExitCode=(\d+):", text)
    return int(found[1]) if found else None


def is_running(job: str) -> bool:
    """Tell whether a job runs and nobody ends it; asked by the job itself."""
    text = _answer("scontrol", ["show", "job", "--oneliner", job])
    return f"JobState={RUNNING} " in text


def requeue(job: str) -> None:
    """Queue a job again; asked by the job itself, which ends.

    Raises
    ------
    ClusterError
        If SLURM refuses.
    """
    _answer("scontrol", ["requeue", job])


def cancel(job: str, cluster: str | None = None) -> None:
    """Cancel a job, or all jobs of an array.

    Raises
    ------
    ClusterError
        If SLURM refuses.
    """
    _answer("scancel", [*_of(cluster), job])


def _of(cluster: str | None) -> list[str]:
    return [f"--clusters={cluster}"] if cluster else []


def _from_queue(
    job: str, _array: str, _index: str, state: str, used: str, limit: str, nodes: str, reason: str
) -> JobState:
    return JobState(job, state, used, limit, nodes, "" if reason == "None" else reason)


def _accounted(job: str, cluster: str | None) -> list[JobState]:
    """Ask the accounts, which many clusters keep, and small ones do not."""
    if shutil.which("sacct") is None:
        return []
    words = ["--noheader", "--parsable2", "--allocations", f"--jobs={job}"]
    words.append("--format=JobID,State,Elapsed,Timelimit,NodeList")
    try:
        lines = _answer("sacct", [*_of(cluster), *words]).splitlines()
    except ClusterError:
        return []
    found = [fields for line in lines if len(fields := line.split("|")) == 5]
    # "CANCELLED by 1000".
    return [JobState(job, state.split()[0], *rest) for job, state, *rest in found]


def _answer(program: str, words: Sequence[str]) -> str:
    try:
        done = subprocess.run(
            [program, *words], capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
    except FileNotFoundError:
        raise ClusterError(
            f"no program '{program}' here; expected a machine from which jobs are submitted to SLURM"
        ) from None
    except subprocess.TimeoutExpired:
        raise ClusterError(f"{program}: no answer from SLURM within {_PATIENCE} s") from None
    if done.returncode and _UNKNOWN_JOB not in done.stderr:
        raise ClusterError(f"{program}: {reason_of(done.stderr) or f'exit code {done.returncode}'}")
    return done.stdout


def reason_of(text: str) -> str:
    """Return what a program says, without the words that stand before each of its lines."""
    lines = [re.sub(r"^(\w+: )?(error: )?", "", line.strip()) for line in text.splitlines()]
    return "; ".join(dict.fromkeys(filter(None, lines)))
