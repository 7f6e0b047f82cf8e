"""Options that commands of several packages share."""

from __future__ import annotations

from typing import Annotated

import typer

Force = Annotated[bool, typer.Option("--force", help="Replace an existing output; an input never is.")]

Geometry = Annotated[
    str,
    typer.Option(
        "--geometry",
        metavar="nominal|FILE",
        help="Where the sensors stand: nominal, or a table as built (see 'xec geometry check --help').",
    ),
]
