"""Commands of ``xec submit`` that submit something: a training, a scan, predictions, a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Annotated

import typer

from xec_train.commands.submit_options import (
    Cluster,
    Cpus,
    DryRun,
    File,
    Gpus,
    Memory,
    Partition,
    ProfileName,
    Time,
    Wait,
)

if TYPE_CHECKING:
    from pathlib import Path

    from xec_train.cluster.profile import ClusterFile, Profile
    from xec_train.cluster.submission import Submission

_CTRL_C = 130


def train(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="CONFIG [KEY=VALUE | --FLAG VALUE]...",
            help="As for 'xec train'.",
            show_default=False,
        ),
    ],
    cluster: Cluster = None,
    partition: Partition = None,
    time: Time = None,
    gpus_per_node: Gpus = None,
    nodes: Annotated[str | None, typer.Option(metavar="N", help="Nodes.")] = None,
    tasks_per_node: Annotated[
        str | None, typer.Option(metavar="N", help="Processes on a node; default: one for each GPU.")
    ] = None,
    cpus: Cpus = None,
    mem: Memory = None,
    name: Annotated[str | None, typer.Option(help="Name of the job and of the run.")] = None,
    profile: ProfileName = None,
    cluster_file: File = None,
    dry_run: DryRun = False,
    wait: Wait = False,
) -> None:
    """Submit a training.

    A job that is preempted or runs out of time writes a checkpoint, is
    queued again and goes on from there. Variables of the earlier scripts
    (EPOCHS, LR, TASKS, BATCH, NUM_GPUS, ...) are heeded.
    """
    import os

    from xec_train.cluster.trainings import load_named, missing_files, training_submission, write_config
    from xec_train.cluster.variables import read_variables

    variables = read_variables(os.environ, words, gpus_per_node)
    file, resources = _resources(
        cluster_file,
        profile,
        cluster=cluster,
        partition=partition,
        time=time,
        gpus_per_node=variables.gpus_per_node,
        nodes=nodes,
        tasks_per_node=tasks_per_node,
        cpus_per_task=cpus,
        mem=mem,
    )
    loaded = load_named([*words, *variables.words], name)
    _notes(variables.notes, loaded.notes)
    for line in missing_files(loaded.config):
        typer.echo(f"warning: {line}", err=True)
    submission = training_submission(loaded.config, resources, file)
    if dry_run or variables.dry_run:
        typer.echo(submission.script(), nl=False)
        return
    submission.check()
    write_config(submission, loaded.config)
    _submitted(submission, wait)


def scan(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="CONFIG SPACE [KEY=VALUE | --FLAG VALUE]...",
            help="As for 'xec scan'.",
            show_default=False,
        ),
    ],
    workers: Annotated[int, typer.Option(min=1, metavar="N", help="Workers: jobs of one process each.")] = 1,
    at_once: Annotated[int | None, typer.Option(min=1, help="Jobs at the same time; default: all.")] = None,
    storage: Annotated[
        str | None, typer.Option(metavar="URL", help="As for 'xec scan'; all nodes have to reach it.")
    ] = None,
    cluster: Cluster = None,
    partition: Partition = None,
    time: Time = None,
    gpus_per_node: Gpus = None,
    cpus: Cpus = None,
    mem: Memory = None,
    name: Annotated[str | None, typer.Option(help="Name of the study and of the jobs.")] = None,
    profile: ProfileName = None,
    cluster_file: File = None,
    dry_run: DryRun = False,
    wait: Wait = False,
) -> None:
    """Submit workers of a study, as an array of jobs.

    One that is preempted or runs out of time writes a checkpoint of its trial,
    is queued again and goes on. More workers: the same command again when these
    have ended, or 'xec scan --join'. Variables of the earlier scripts are
    heeded as for a training.
    """
    import os

    from xec_train.cluster.scans import scan_submission
    from xec_train.cluster.variables import read_variables
    from xec_train.scan.beginning import begin

    variables = read_variables(os.environ, words, gpus_per_node)
    file, resources = _resources(
        cluster_file,
        profile,
        cluster=cluster,
        partition=partition,
        time=time,
        gpus_per_node=variables.gpus_per_node,
        cpus_per_task=cpus,
        mem=mem,
    )
    beginning = begin([*words, *variables.words], name=name, storage=storage)
    _notes(variables.notes, beginning.notes)
    submission = scan_submission(beginning, workers, resources, file, at_once=at_once)
    if dry_run or variables.dry_run:
        typer.echo(submission.script(), nl=False)
        return
    submission.check()
    for line in beginning.in_words():
        typer.echo(line)
    beginning.begin()
    _submitted(submission, wait)


def predict(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL FILES... [OPTIONS OF XEC PREDICT]",
            help="As for 'xec predict'; its options stand behind the files.",
            show_default=False,
        ),
    ],
    output: Annotated[str, typer.Option("-o", "--output", help="Folder, for a file of each input.")],
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Jobs; by default one for each file, at most 100.")
    ] = None,
    at_once: Annotated[int | None, typer.Option(min=1, help="Jobs at the same time; default: all.")] = None,
    cluster: Cluster = None,
    partition: Partition = None,
    time: Time = None,
    gpus_per_node: Gpus = None,
    cpus: Cpus = None,
    mem: Memory = None,
    name: Annotated[str | None, typer.Option(help="Name of the jobs; default: that of the folder.")] = None,
    profile: ProfileName = None,
    cluster_file: File = None,
    dry_run: DryRun = False,
    wait: Wait = False,
) -> None:
    """Submit predictions for many files, as an array of jobs.

    What is finished is not made again: the same command goes on.
    """
    import os

    from xec_train.cluster.predictions import prediction_submission
    from xec_train.cluster.variables import read_job_variables

    variables = read_job_variables(os.environ, gpus_per_node)
    _notes(variables.notes)
    file, resources = _resources(
        cluster_file,
        profile,
        cluster=cluster,
        partition=partition,
        time=time,
        gpus_per_node=variables.gpus_per_node,
        cpus_per_task=cpus,
        mem=mem,
    )
    submission = prediction_submission(
        words, output, resources, file, name=name, n_jobs=jobs, at_once=at_once
    )
    if dry_run or variables.dry_run:
        typer.echo(submission.script(), nl=False)
        return
    submission.check()
    _submitted(submission, wait)


def notebook(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on your own machine.")] = 8888,
    cluster: Cluster = None,
    partition: Partition = None,
    time: Time = None,
    gpus_per_node: Gpus = None,
    cpus: Cpus = None,
    mem: Memory = None,
    name: Annotated[str, typer.Option(help="Name of the job.")] = "notebook",
    profile: ProfileName = None,
    cluster_file: File = None,
    dry_run: DryRun = False,
) -> None:
    """Start JupyterLab on a node, wait for it, and print how to reach it.

    It listens on the node itself only, asks for a token, and ends with the
    job. Ctrl-C while it waits cancels the job.
    """
    import os

    from xec_train.cluster.job_folder import DEFAULT_FOLDER, JobFolder
    from xec_train.cluster.notebook import NotebookWork, tunnel_in_words, wait_for_server
    from xec_train.cluster.slurm import cancel as cancel_job
    from xec_train.cluster.submission import Submission, resources_in_words
    from xec_train.cluster.variables import read_job_variables

    variables = read_job_variables(os.environ, gpus_per_node)
    _notes(variables.notes)
    file, resources = _resources(
        cluster_file,
        profile,
        cluster=cluster,
        partition=partition,
        time=time,
        gpus_per_node=variables.gpus_per_node,
        cpus_per_task=cpus,
        mem=mem,
        nodes=1,
        tasks_per_node=1,
        requeue=False,
    )
    folder = JobFolder(DEFAULT_FOLDER / name)
    work = NotebookWork(("lab",), 0, str(folder.connection), port)
    submission = Submission(name, "notebook", (work,), resources, file)
    if dry_run or variables.dry_run:
        typer.echo(submission.script(), nl=False)
        return
    submission.check()
    record = submission.submit()
    typer.echo(f"job {record.job}: {record.name} ({resources_in_words(resources)})")
    try:
        found = wait_for_server(
            folder, record, lambda state: typer.echo(f"job {state.job}: {state.state.lower()}")
        )
    except KeyboardInterrupt:
        cancel_job(record.job, record.cluster)
        typer.echo(f"job {record.job} is cancelled", err=True)
        raise typer.Exit(_CTRL_C) from None
    typer.echo(f"JupyterLab runs on {found.host}. On your own machine:\n{tunnel_in_words(found, port)}")
    typer.echo(f"'xec submit cancel {name}' ends it; the time limit does, too.")


def _notes(*notes: Sequence[str]) -> None:
    for note in chain(*notes):
        typer.echo(f"note: {note}", err=True)


def _resources(
    cluster_file: Path | None, profile: str | None, **options: str | bool | int | None
) -> tuple[ClusterFile, Profile]:
    """Read the file of profiles; return it, and the chosen profile as options change it."""
    from xec_train.cluster.profile_file import choose_profile, read_cluster_file

    file = read_cluster_file(cluster_file)
    return file, choose_profile(file, profile, options)


def _submitted(submission: Submission, wait: bool) -> None:
    """Submit, say so, and wait for the end if that is wanted."""
    from xec_train.cluster.following import wait_for
    from xec_train.cluster.status import failure_in_words
    from xec_train.cluster.submission import resources_in_words

    record = submission.submit()
    several = f", {record.n_jobs} times" if record.n_jobs else ""
    typer.echo(f"job {record.job}: {record.name} ({resources_in_words(submission.profile)}{several})")
    if not wait:
        typer.echo(f"  xec submit status {record.name}     logs, cancel likewise")
        return
    try:
        ended = wait_for(
            submission.job_folder, record, lambda state: typer.echo(f"job {state.job}: {state.state.lower()}")
        )
    except KeyboardInterrupt:
        typer.echo(f"job {record.job} goes on; 'xec submit cancel {record.name}' ends it", err=True)
        raise typer.Exit(_CTRL_C) from None
    for end in ended:
        if end.failure is not None:
            typer.echo(failure_in_words(end, record), err=True)
    worst = max((end.exit_code for end in ended), default=0)
    if worst:
        raise typer.Exit(worst)
