"""The table of jobs: state, time, what a training has reached, why a job failed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xec_train.cluster.following import UNKNOWN, Ended, how_it_ended
from xec_train.cluster.job_folder import JobFolder, JobRecord
from xec_train.cluster.slurm import JobState, job_states
from xec_train.scan.folder import StudyFolder
from xec_train.scan.standing import trials_in_words

if TYPE_CHECKING:
    from rich.table import Table

_EPOCH = "epoch "
_LAST_BYTES = 20_000


@dataclass(frozen=True)
class JobStatus:
    """A job, as the table shows it.

    Attributes
    ----------
    record
        What was submitted.
    states
        The states of its jobs; none if SLURM has forgotten them.
    ended
        How those ended that have.
    progress
        The last line of a training about an epoch; how many trials of a study have ended.
    """

    record: JobRecord
    states: Sequence[JobState]
    ended: Sequence[Ended]
    progress: str

    @property
    def is_alive(self) -> bool:
        """Whether a job of it waits or runs."""
        return any(state.is_alive for state in self.states)

    @property
    def state(self) -> str:
        """Its state; of an array, how many jobs have which."""
        names = [state.state for state in self.states] or [UNKNOWN]
        if len(names) == 1:
            return names[0].lower()
        return ", ".join(f"{names.count(name)} {name.lower()}" for name in dict.fromkeys(names))

    @property
    def failures(self) -> Iterator[str]:
        """Lines about every job that failed."""
        for end in self.ended:
            if end.failure is not None:
                yield failure_in_words(end, self.record)


def failure_in_words(end: Ended, record: JobRecord) -> str:
    """Say why a job failed, and where its log is."""
    assert end.failure is not None
    message = end.failure.message or "the log says nothing about it"
    state = "" if end.state.state == UNKNOWN else f" {end.state.state.lower()}"
    return f"{record.name}: job {end.state.job}{state}: {message}\n  log: {end.failure.log}"


def status_of(folder: JobFolder, record: JobRecord) -> JobStatus:
    """Ask for the status of a job.

    Raises
    ------
    ClusterError
        If SLURM does not answer.
    """
    states = job_states(record.job, record.cluster)
    return JobStatus(record, states, how_it_ended(folder, record, states), _progress(folder, record))


def status_table(jobs: Sequence[JobStatus]) -> Table:
    """Make the table."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("name", "job", "state", "time", "limit", "nodes", "what"):
        table.add_column(heading, overflow="fold")
    for job in jobs:
        first = job.states[0] if job.states else JobState(job.record.job, UNKNOWN)
        waits = first.state == "PENDING" and first.reason
        table.add_row(
            job.record.name,
            job.record.job,
            job.state,
            first.used,
            first.limit,
            f"({first.reason})" if waits else first.nodes,
            job.progress or job.record.kind,
            style="red" if any(end.exit_code for end in job.ended) else None,
        )
    return table


def _last_epoch(folder: JobFolder, record: JobRecord) -> str:
    log = folder.log(record.job, 0, "out")
    if not log.is_file():
        return ""
    lines = [line for line in _last_lines(log) if line.startswith(_EPOCH)]
    return " ".join(lines[-1].split()[:6]) if lines else ""


def _ended_trials(_folder: JobFolder, record: JobRecord) -> str:
    if record.output is None:
        return ""
    return trials_in_words(StudyFolder(Path(record.output)))


_PROGRESS: Mapping[str, Callable[[JobFolder, JobRecord], str]] = {
    "training": _last_epoch,
    "scan": _ended_trials,
}


def _progress(folder: JobFolder, record: JobRecord) -> str:
    of_kind = _PROGRESS.get(record.kind)
    return "" if of_kind is None else of_kind(folder, record)


def _last_lines(path: Path) -> list[str]:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _LAST_BYTES))
        return file.read().decode(errors="replace").splitlines()
