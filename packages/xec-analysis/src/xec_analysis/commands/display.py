"""`xec display`: an event on the unrolled detector."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


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
    tree: Annotated[str, typer.Option("--tree", "-t", help="Name of the tree.")] = "tree",
    npho_branch: Annotated[str, typer.Option(help="Branch with the photons.")] = "npho",
    time_branch: Annotated[str, typer.Option(help="Branch with the times.")] = "relative_time",
) -> None:
    """Draw an event on the unrolled detector: photons and times of all sensors, side by side.

    Sensors without a reading are grey; a cross marks the true first interaction point, if the file has it.

    xec display events.root 17 -o event.png
    """
    from xec_analysis.errors import AnalysisError
    from xec_analysis.events.display import draw_event, find_event, read_event
    from xec_analysis.style.style import check_format
    from xec_geometry.support.output import check_writable

    if (entry is None) == (event_number is None):
        raise AnalysisError(f"which event of {file}? expected either an entry (EVENT) or --event-number")
    if run is not None and event_number is None:
        raise AnalysisError("--run belongs to --event-number; an entry needs no run")
    if event_number is not None:
        entry = find_event(file, event_number, run, tree_name=tree)
    assert entry is not None
    target = output if output is not None else Path(f"{file.stem}_{entry}.pdf")
    check_format(target)
    check_writable(target)
    event = read_event(file, entry, tree_name=tree, npho_branch=npho_branch, time_branch=time_branch)
    typer.echo(f"{draw_event(event, target)}: {event.title}")
