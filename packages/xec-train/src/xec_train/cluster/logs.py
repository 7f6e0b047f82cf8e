"""The logs of a job on the screen, also while they grow."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from xec_train.cluster.errors import ClusterError
from xec_train.cluster.job_folder import JobFolder, JobRecord
from xec_train.cluster.slurm import job_states

_PAUSE = 1.0  # seconds between two looks at the files
_LOOKS_PER_QUESTION = 10  # SLURM is asked more rarely


def read_logs(folder: JobFolder, record: JobRecord, rank: int = 0, *, follow: bool = False) -> Iterator[str]:
    """Give the output of a process and its errors, each as it stands.

    Parameters
    ----------
    folder, record
        The job.
    rank
        The process.
    follow
        Whether to go on until the job has ended.

    Raises
    ------
    ClusterError
        If there is no log yet, and nobody waits for it.
    """
    seen: dict[Path, int] = {}
    looks = 0
    while True:
        alive = follow and (looks % _LOOKS_PER_QUESTION > 0 or _is_alive(record))
        logs = _logs(folder, record, rank)
        for log in logs:
            text = _since(log, seen.get(log, 0))
            if text:
                if len(logs) > 2:
                    yield f"==> {log.name} <==\n"
                seen[log] = seen.get(log, 0) + len(text)
                yield text.decode(errors="replace")
        if not alive:
            break
        looks += 1
        time.sleep(_PAUSE)
    if not seen and not follow:
        states = job_states(record.job, record.cluster)
        state = f" ({states[0].state.lower()})" if states else ""
        raise ClusterError(f"job {record.job} has written nothing yet{state}; expected {folder.path}/*_log.*")


def _logs(folder: JobFolder, record: JobRecord, rank: int) -> Sequence[Path]:
    jobs = [f"{record.job}_{index}" for index in range(record.n_jobs)] or [record.job]
    names = [folder.log(job, rank, stream) for job in jobs for stream in ("out", "err")]
    return [path for path in names if path.is_file()]


def _is_alive(record: JobRecord) -> bool:
    return any(state.is_alive for state in job_states(record.job, record.cluster))


def _since(path: Path, begin: int) -> bytes:
    with path.open("rb") as file:
        file.seek(begin)
        return file.read()
