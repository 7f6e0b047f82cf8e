"""Why a job failed: the line of its logs that says so, and where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from xec_train.cluster.job_folder import JobFolder

_OURS = "xec: error: "
_OF_SLURM = re.compile(r"^(slurmstepd|srun|sbatch)\S*: (error: )?(?P<text>.*)")
# What srun says about any failure.
_CONSEQUENCES = (
    "Exited with exit code",
    "Terminating",
    "STEP",
    "Job step aborted",
    "Waiting up to",
    "launch/slurm",
)
_OF_SUBMITIT = "submitit "
_LAST_BYTES = 200_000


@dataclass(frozen=True)
class Failure:
    """An error of a job.

    Attributes
    ----------
    message
        What it says; empty if nothing was found.
    log
        The file that it stands in, or that of the first process.
    """

    message: str
    log: Path


def find_failure(folder: JobFolder, job: str) -> Failure:
    """Find the error of a job in the logs of its processes.

    Parameters
    ----------
    folder
        Folder of the job.
    job
        Its id.
    """
    logs = folder.logs(job)
    texts = {log: _tail(log) for log in logs}
    for find in (_our_error, _last_of_python, _last_of_slurm):
        for log, lines in texts.items():
            if message := find(lines):
                return Failure(message, log)
    return Failure("", logs[0] if logs else folder.log(job, 0, "err"))


def last_error(log: Path) -> str:
    """Return what the last error of xec in a log says; empty if there is none."""
    return _our_error(_tail(log)) if log.is_file() else ""


def _tail(log: Path) -> list[str]:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _LAST_BYTES))
        return file.read().decode(errors="replace").splitlines()


def _our_error(lines: list[str]) -> str:
    beginnings = [number for number, line in enumerate(lines) if line.startswith(_OURS)]
    if not beginnings:
        return ""
    first = beginnings[-1]
    # The problems of a configuration follow in lines of their own.
    more = iter(lines[first + 1 :])
    problems = []
    for line in more:
        if not line.startswith("  "):
            break
        problems.append(line)
    return "\n".join([lines[first].removeprefix(_OURS), *problems])


def _last_of_python(lines: list[str]) -> str:
    """Return the last line of a traceback."""
    for number in range(len(lines) - 1, -1, -1):
        if lines[number].startswith("Traceback "):
            rest = (line for line in lines[number + 1 :] if line and not line.startswith((" ", _OF_SUBMITIT)))
            return next(rest, "")
    return ""


def _last_of_slurm(lines: Iterable[str]) -> str:
    said = [found["text"] for line in lines if (found := _OF_SLURM.match(line))]
    telling = [text for text in said if not any(word in text for word in _CONSEQUENCES)]
    return (telling or said or [""])[-1].strip("* ")
