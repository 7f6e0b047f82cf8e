"""Submission of work under a name: one job of a name at a time, and a record of it in its folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from xec_train.cluster.duration import in_words
from xec_train.cluster.errors import ClusterError
from xec_train.cluster.executor import check_sbatch, script, submit
from xec_train.cluster.job_folder import DEFAULT_FOLDER, JobFolder, JobRecord
from xec_train.cluster.profile import ClusterFile, Profile
from xec_train.cluster.slurm import job_states
from xec_train.cluster.work import Work


@dataclass(frozen=True)
class Submission:
    """Work that is ready to be submitted.

    Attributes
    ----------
    name
        Name of the job.
    kind
        What it is.
    work
        What each job does.
    profile
        The resources of each.
    file
        The environments of the nodes.
    output
        Run directory of a training, folder of a study or of predictions.
    at_once
        Jobs that run at the same time; None: all.
    folder
        Folder of the folders of all jobs.
    """

    name: str
    kind: Literal["training", "scan", "predictions", "notebook"]
    work: Sequence[Work]
    profile: Profile
    file: ClusterFile
    output: str | None = None
    at_once: int | None = None
    folder: Path = DEFAULT_FOLDER

    @property
    def job_folder(self) -> JobFolder:
        """Where its script and logs are."""
        return JobFolder(self.folder / self.name)

    def script(self) -> str:
        """Return the script for sbatch; nothing is written."""
        return script(
            self.work,
            self.job_folder.path,
            self.name,
            self.profile,
            self.file.environments,
            at_once=self.at_once,
        )

    def check(self) -> None:
        """Make sure that it can be submitted from here, and that no job of this name is in the queue.

        Raises
        ------
        ClusterError
            If there is no sbatch, or a job of this name.
        """
        check_sbatch()
        earlier = self.job_folder.read()
        if earlier is None:
            return
        alive = [state for state in job_states(earlier.job, earlier.cluster) if state.is_alive]
        if alive:
            raise ClusterError(
                f"'{self.name}' is job {earlier.job} already ({alive[0].state.lower()}); expected another "
                f"--name, or 'xec submit cancel {self.name}' first"
            )

    def submit(self) -> JobRecord:
        """Submit it, and remember it in its folder."""
        folder = self.job_folder
        folder.create()
        job = submit(
            self.work,
            folder.path,
            self.name,
            self.profile,
            self.file.environments,
            at_once=self.at_once,
        )
        record = JobRecord(
            name=self.name,
            kind=self.kind,
            job=job,
            cluster=self.profile.cluster,
            n_jobs=len(self.work) if len(self.work) > 1 else 0,
            n_processes=self.profile.nodes * self.profile.tasks,
            output=self.output,
            command=self.work[0].words,
            submitted=datetime.now().astimezone(),
        )
        folder.write(record)
        return record


def resources_in_words(profile: Profile) -> str:
    """Say what a job asks for: ``2 nodes with 4 GPUs each, 12:00:00, partition a100-daily``."""
    nodes = "1 node" if profile.nodes == 1 else f"{profile.nodes} nodes"
    gpus = f"{profile.gpus_per_node or 'no'} GPU{'s' if profile.gpus_per_node > 1 else ''}"
    each = " each" if profile.nodes > 1 else ""
    parts = [f"{nodes} with {gpus}{each}", f"{in_words(profile.time)}"]
    if profile.partition:
        parts.append(f"partition {profile.partition}")
    if profile.cluster:
        parts.append(f"cluster {profile.cluster}")
    return ", ".join(parts)
