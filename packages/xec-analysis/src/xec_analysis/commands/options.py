"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

Tree = Annotated[str, typer.Option("--tree", "-t", help="Name of the tree.")]
NphoBranch = Annotated[str, typer.Option(help="Branch with the photons.")]
TimeBranch = Annotated[str, typer.Option(help="Branch with the times.")]
