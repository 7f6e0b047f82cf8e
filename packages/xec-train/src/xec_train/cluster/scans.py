"""A study as an array of jobs, each of which is a worker."""

from __future__ import annotations

from pathlib import Path

from xec_train.cluster.job_folder import DEFAULT_FOLDER
from xec_train.cluster.profile import ClusterFile, Profile
from xec_train.cluster.submission import Submission
from xec_train.cluster.work import ScanWork
from xec_train.scan.beginning import Beginning


def scan_submission(
    beginning: Beginning,
    n_workers: int,
    profile: Profile,
    file: ClusterFile,
    *,
    at_once: int | None = None,
    folder: Path = DEFAULT_FOLDER,
) -> Submission:
    """Make the workers of a study ready to be submitted.

    Parameters
    ----------
    beginning
        The study.
    n_workers
        Workers, each a job of one process.
    profile
        Resources of each.
    file
        The environments of the nodes.
    at_once
        Jobs that run at the same time; None: all.
    folder
        Folder of the folders of all jobs.
    """
    work = [ScanWork(("scan", "--join", str(beginning.folder.path)), profile.restarts)] * n_workers
    return Submission(
        beginning.folder.name,
        "scan",
        work,
        profile.of_one_process(),
        file,
        output=str(beginning.folder.path),
        at_once=at_once,
        folder=folder,
    )
