"""``xec submit``: trainings, predictions and notebooks as jobs of SLURM."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

_TRAINING = "train"


class _Group(TyperGroup):
    """A group whose first word is a command, or else part of a training."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Send what is no command of the group to that for trainings."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [_TRAINING, *args]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Show the shape of the usual command."""
        return ["CONFIG.yaml [OPTIONS] [KEY=VALUE]... | COMMAND [ARGS]..."]


app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Run trainings, predictions and notebooks as jobs of SLURM.\n\n"
    "'xec submit CONFIG.yaml' submits a training; its options: 'xec submit train --help'.",
)

_ANY_OPTION = {"ignore_unknown_options": True}

Cluster = Annotated[str | None, typer.Option(help="Cluster, where SLURM has several.")]
Partition = Annotated[str | None, typer.Option(help="Partition.")]
Time = Annotated[str | None, typer.Option(help="Time limit: 12:00:00, 2-00:00:00, or minutes.")]
Gpus = Annotated[str | None, typer.Option("--gpus-per-node", metavar="N", help="GPUs of a node.")]
Cpus = Annotated[str | None, typer.Option(metavar="N", help="Cores of each process.")]
Memory = Annotated[str | None, typer.Option(metavar="64G", help="Memory of a node.")]
ProfileName = Annotated[
    str | None, typer.Option("--profile", help="Profile of the cluster file, such as a100 or gh.")
]
File = Annotated[
    Path | None,
    typer.Option("--cluster-file", help="File with the profiles; default: ~/.config/xec/cluster.yaml."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the script for sbatch, and submit nothing.")]


@app.command(_TRAINING, context_settings=_ANY_OPTION)
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
) -> None:
    """Submit a training.

    A job that is preempted or runs out of time writes a checkpoint, is
    queued again and goes on from there. Variables of the earlier scripts
    (EPOCHS, LR, TASKS, BATCH, NUM_GPUS, ...) are heeded.
    """
    import os

    from xec_train.cluster.profile_file import choose_profile, read_cluster_file
    from xec_train.cluster.submission import resources_in_words
    from xec_train.cluster.trainings import load_named, training_submission, write_config
    from xec_train.cluster.variables import read_variables

    variables = read_variables(os.environ, words)
    file = read_cluster_file(cluster_file)
    resources = choose_profile(
        file,
        profile,
        {
            "cluster": cluster,
            "partition": partition,
            "time": time,
            "gpus_per_node": gpus_per_node or variables.gpus_per_node,
            "nodes": nodes,
            "tasks_per_node": tasks_per_node,
            "cpus_per_task": cpus,
            "mem": mem,
        },
    )
    loaded = load_named([*words, *variables.words], name)
    for note in (*variables.notes, *loaded.notes):
        typer.echo(f"note: {note}", err=True)
    submission = training_submission(loaded.config, resources, file)
    if dry_run or variables.dry_run:
        typer.echo(submission.script(), nl=False)
        return
    submission.check()
    write_config(submission, loaded.config)
    record = submission.submit()
    typer.echo(f"job {record.job}: {record.name} ({resources_in_words(resources)})")
