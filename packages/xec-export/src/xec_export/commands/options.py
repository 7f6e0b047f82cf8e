"""Options of commands that read events and write a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xec_geometry.cli.options import Force

__all__ = [
    "AcceptRange",
    "DumpEvents",
    "DumpInputs",
    "ExpectedGeometry",
    "FileOrFolder",
    "Force",
    "NphoBranch",
    "Output",
    "Provider",
    "Threads",
    "TimeBranch",
    "Tree",
    "listed",
]

Output = Annotated[Path, typer.Option("--output", "-o", help="The ROOT file to write.")]
FileOrFolder = Annotated[
    str,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE|FOLDER",
        help="The ROOT file to write, all inputs in one; or a folder (one that exists, or a name without a "
        "suffix or with / at its end), one file for each input.",
    ),
]
Provider = Annotated[
    str,
    typer.Option(
        metavar="auto|cpu|cuda|tensorrt",
        help="What runs the network; auto takes a GPU if there is one that works.",
    ),
]
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

DumpInputs = Annotated[
    Path | None,
    typer.Option(
        help="Also write what enters the network, and what it gives, to this file, with which "
        "xec-validate (tools/cpp) compares in C++.",
    ),
]
DumpEvents = Annotated[int, typer.Option(min=1, help="Events in that file, the first ones.")]


def listed(values: list[str] | None) -> tuple[str, ...] | None:
    """Return the names of an option that may be repeated, and may have several with commas between them."""
    if values is None:
        return None
    return tuple(dict.fromkeys(name.strip() for value in values for name in value.split(",") if name.strip()))
