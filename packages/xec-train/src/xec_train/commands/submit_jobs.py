"""Commands of ``xec submit`` about jobs that were submitted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from xec_train.commands.submit_options import Name, Names

if TYPE_CHECKING:
    from xec_train.cluster.status import JobStatus


def status(names: Names = None) -> None:
    """Show the jobs of this folder: state, time, what a training has reached, why one failed.

    Exits with 0; with 1 if a job that is named has failed.
    """
    from rich.console import Console

    from xec_train.cluster.status import status_table

    jobs = _statuses(names)
    if not jobs:
        typer.echo("no jobs in the folder 'jobs' here")
        return
    Console(highlight=False, soft_wrap=True).print(status_table(jobs))
    for job in jobs:
        for line in job.failures:
            typer.echo(line)
    if names and any(end.exit_code for job in jobs for end in job.ended):
        raise typer.Exit(1)


def logs(
    name: Name,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on until the job has ended.")] = False,
    rank: Annotated[int, typer.Option(min=0, help="The process whose output is shown.")] = 0,
) -> None:
    """Print what a job has written."""
    from xec_train.cluster.job_folder import DEFAULT_FOLDER, find_job
    from xec_train.cluster.logs import read_logs

    folder, record = find_job(name, DEFAULT_FOLDER)
    for text in read_logs(folder, record, rank, follow=follow):
        typer.echo(text, nl=False)


def cancel(
    names: Annotated[list[str], typer.Argument(metavar="RUN...", help="Names or ids of jobs.")],
) -> None:
    """Cancel jobs; a training writes a checkpoint, and can be continued."""
    from xec_train.cluster.job_folder import DEFAULT_FOLDER, find_job
    from xec_train.cluster.slurm import cancel as cancel_job, job_states

    for name in names:
        _, record = find_job(name, DEFAULT_FOLDER)
        if not any(state.is_alive for state in job_states(record.job, record.cluster)):
            typer.echo(f"{record.name}: job {record.job} has ended already")
            continue
        cancel_job(record.job, record.cluster)
        typer.echo(f"{record.name}: job {record.job} is cancelled")


def _statuses(names: list[str] | None) -> list[JobStatus]:
    from xec_train.cluster.job_folder import DEFAULT_FOLDER, all_jobs, find_job
    from xec_train.cluster.status import status_of

    jobs = [find_job(name, DEFAULT_FOLDER) for name in names] if names else list(all_jobs(DEFAULT_FOLDER))
    return [status_of(folder, record) for folder, record in jobs]
