"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from xec_geometry.cli.options import Force, Geometry

__all__ = ["DeadChannels", "Force", "Geometry", "NphoBranch", "TimeBranch", "Tree"]

Tree = Annotated[str, typer.Option("--tree", "-t", help="Name of the tree.")]
NphoBranch = Annotated[str, typer.Option(help="Branch with the photons.")]
TimeBranch = Annotated[str, typer.Option(help="Branch with the times.")]
DeadChannels = Annotated[
    str | None,
    typer.Option(
        "--dead",
        "-d",
        metavar="SOURCE",
        help="Sensors known as bad: text file, ROOT file with the branch dead, database URL, or a YAML file "
        "that describes a database. Those without a valid count in an event are dead there without it, too.",
    ),
]
