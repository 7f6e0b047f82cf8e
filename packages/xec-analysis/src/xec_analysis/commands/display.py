"""`xec display`: an event on the unrolled detector."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xec_analysis.commands.options import Force, Geometry, NphoBranch, TimeBranch, Tree


def display(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="ROOT file with npho and times.")],
    entry: Annotated[
        int | None, typer.Argument(metavar="[EVENT]", help="Entry of the tree; -1 is the last one.")
    ] = None,
    event_number: Annotated[
        int | None, typer.Option("--event-number", "-e", help="Find the event by its number instead.")
    ] = None,
    run: Annotated[int | None, typer.Option("--run", "-r", help="Its run, with --event-number.")] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Picture: .pdf, .png or .svg; by default FILE_EVENT.pdf here."),
    ] = None,
    tree: Tree = "tree",
    npho_branch: NphoBranch = "npho",
    time_branch: TimeBranch = "relative_time",
    geometry: Geometry = "nominal",
    force: Force = False,
) -> None:
    """Draw an event on the unrolled detector: photons and times of all sensors, side by side.

    Sensors without a reading are grey; a cross marks the true first interaction point, if the file has it.

    xec display events.root 17 -o event.png
    """
    from xec_analysis.events.display import display_event

    picture, event = display_event(
        file,
        output,
        entry=entry,
        event_number=event_number,
        run=run,
        tree_name=tree,
        npho_branch=npho_branch,
        time_branch=time_branch,
        geometry=geometry,
        force=force,
    )
    typer.echo(f"{picture}: {event.title}")
