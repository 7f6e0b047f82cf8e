"""Options of commands that read events and write a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xec_geometry.cli.options import Force

__all__ = [
    "AcceptRange",
    "ExpectedGeometry",
    "Force",
    "NphoBranch",
    "Output",
    "Threads",
    "TimeBranch",
    "Tree",
]

Output = Annotated[Path, typer.Option("--output", "-o", help="The ROOT file to write.")]
ExpectedGeometry = Annotated[
    str | None,
    typer.Option(
        "--geometry",
        metavar="nominal|FILE",
        help="Check that the network was trained with these positions; it has its own in any case.",
    ),
]
Tree = Annotated[str, typer.Option(help="Name of the tree in the inputs.")]
NphoBranch = Annotated[
    str | None, typer.Option(help="Branch of the photon counts; by default the one trained on.")
]
TimeBranch = Annotated[str | None, typer.Option(help="Branch of the times; by default the one trained on.")]
Threads = Annotated[
    int | None, typer.Option(min=1, help="CPU threads; by default OMP_NUM_THREADS, or all cores.")
]
AcceptRange = Annotated[
    bool,
    typer.Option(
        "--accept-range",
        help="Go on with events unlike those of the training: other units, energies, another detector.",
    ),
]
