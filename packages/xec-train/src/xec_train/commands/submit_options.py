"""Options that the commands of ``xec submit`` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
Wait = Annotated[
    bool, typer.Option("--wait", help="Wait for the end, print why a job failed, and exit with its code.")
]
Name = Annotated[str, typer.Argument(metavar="RUN", help="Name or id of a job.")]
Names = Annotated[
    list[str] | None, typer.Argument(metavar="[RUN]...", help="Names or ids of jobs; default: all.")
]
