"""The folder of a job, ``jobs/NAME``: what was submitted, its script, and its logs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from xec_geometry.errors import did_you_mean
from xec_geometry.support.output import atomic_output, make_folder
from xec_train.cluster.errors import ClusterError

DEFAULT_FOLDER = Path("jobs")
"""Folder of the folders of all jobs, in the working folder."""

_RECORD = "job.json"


class JobRecord(BaseModel):
    """What was submitted.

    Attributes
    ----------
    name
        Name of the job, and of the run of a training.
    kind
        What it does.
    job
        Its id; that of an array stands for all of them.
    cluster
        Its cluster; None: the only one.
    n_jobs
        Jobs of an array; 0: it is none.
    n_processes
        Processes of a job.
    output
        Run directory of a training, folder of a study or of predictions.
    command
        The words of the command that each job runs, or of the training.
    submitted
        When.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str
    kind: Literal["training", "scan", "predictions", "notebook"]
    job: str
    cluster: str | None = None
    n_jobs: int = 0
    n_processes: int = 1
    output: str | None = None
    command: tuple[str, ...] = ()
    submitted: datetime


class JobFolder:
    """A folder ``jobs/NAME``.

    Parameters
    ----------
    path
        Its path. It need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def name(self) -> str:
        """Name of the job."""
        return self.path.name

    @property
    def config(self) -> Path:
        """The configuration of a training as it was submitted."""
        return self.path / "config.yaml"

    @property
    def connection(self) -> Path:
        """Where a notebook is found."""
        return self.path / "connection.json"

    def create(self) -> None:
        """Make the folder if there is none."""
        make_folder(self.path)

    def write(self, record: JobRecord) -> None:
        """Remember what was submitted."""
        with atomic_output(self.path / _RECORD) as temporary:
            temporary.write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")

    def read(self) -> JobRecord | None:
        """Return what was submitted; None if nothing was.

        Raises
        ------
        ClusterError
            If the file is damaged.
        """
        path = self.path / _RECORD
        if not path.is_file():
            return None
        try:
            return JobRecord.model_validate_json(path.read_text(encoding="utf-8"))
        except (ValidationError, UnicodeDecodeError) as error:
            raise ClusterError(
                f"{path}: not a record of a job; remove {self.path} if it is of no use"
            ) from error

    def log(self, job: str, rank: int, stream: Literal["out", "err"]) -> Path:
        """Return the file with the output of a process, which submitit names."""
        return self.path / f"{job}_{rank}_log.{stream}"

    def logs(self, job: str, stream: Literal["out", "err"] = "err") -> list[Path]:
        """Return the files of all processes of a job, in the order of their ranks."""
        found = self.path.glob(f"{job}_*_log.{stream}")
        own = [path for path in found if path.name.removeprefix(f"{job}_").partition("_")[0].isdigit()]
        # Of an array 12 the log of job 3 is 12_3_0_log: not one of a job 12.
        own = [path for path in own if path.name.removeprefix(f"{job}_").count("_") == 1]
        return sorted(own, key=lambda path: int(path.name.removeprefix(f"{job}_").partition("_")[0]))


def all_jobs(folder: Path) -> Iterator[tuple[JobFolder, JobRecord]]:
    """Find all jobs in a folder, the latest first."""
    found = []
    for path in folder.glob(f"*/{_RECORD}"):
        job = JobFolder(path.parent)
        record = job.read()
        if record is not None:
            found.append((job, record))
    yield from sorted(found, key=lambda pair: pair[1].submitted, reverse=True)


def find_job(name: str, folder: Path) -> tuple[JobFolder, JobRecord]:
    """Find a job by its name, its id or its folder.

    Raises
    ------
    ClusterError
        If there is none.
    """
    known = list(all_jobs(folder))
    for job, record in known:
        if name in (record.name, record.job):
            return job, record
    # Also a path, such as the run directory that the shell completes.
    plain = Path(name).name
    for job, record in known:
        if plain == record.name:
            return job, record
    names = [record.name for _, record in known]
    here = (
        f"{folder} has {', '.join(names[:5])}{', …' if len(names) > 5 else ''}"
        if names
        else f"{folder} has none"
    )
    raise ClusterError(f"no job '{name}'{did_you_mean(name, names)}; {here}")
