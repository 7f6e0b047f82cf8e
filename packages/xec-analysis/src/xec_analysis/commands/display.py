"""`xec display`: an event on the unrolled detector."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

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
        typer.Option(
            "--output",
            "-o",
            help="Picture: .pdf, .png or .svg, or a page: .html; by default FILE_EVENT.pdf here.",
        ),
    ] = None,
    compare: Annotated[
        Path | None,
        typer.Option(
            "--compare",
            "-c",
            metavar="PREDICTIONS",
            help="File of predictions or a run: mark and list what was predicted for the event.",
        ),
    ] = None,
    scale: Annotated[
        Literal["log", "linear"], typer.Option("--scale", "-s", help="Colours of the photons.")
    ] = "log",
    in_space: Annotated[
        bool, typer.Option("--3d", help="Draw the sensors in space, seen from the target.")
    ] = False,
    page: Annotated[
        bool,
        typer.Option(
            "--html",
            help="Write an interactive page, one file, that leads on to the events before and after.",
        ),
    ] = False,
    n_events: Annotated[
        int | None,
        typer.Option(
            "--events", "-n", help="Events in the page, at most 200; by default 50.", show_default=False
        ),
    ] = None,
    tree: Tree = "tree",
    npho_branch: NphoBranch = "npho",
    time_branch: TimeBranch = "relative_time",
    geometry: Geometry = "nominal",
    force: Force = False,
) -> None:
    """Draw an event on the unrolled detector: photons and times of all sensors, side by side.

    Sensors without photons are hatched, those without a time alone are grey. Marks show the first interaction
    point: true, of the conventional reconstruction, and predicted, as far as there is one.

    xec display events.root 17 -o event.png
    xec display events.root --run 12 --event-number 4711 --compare predictions.root
    xec display events.root --html -o events.html
    """
    from xec_analysis.errors import AnalysisError
    from xec_analysis.events.display import display_event
    from xec_analysis.events.event_file import EventFile

    events = EventFile(file, tree, npho_branch, time_branch)
    which = {"entry": entry, "event_number": event_number, "run": run}
    if page or (output is not None and output.suffix.lower() == ".html"):
        from xec_analysis.events.interactive.display import N_EVENTS, display_page

        if in_space:
            raise AnalysisError(
                "--3d with --html: a page shows the unrolled detector, pictures alone sensors in space; "
                "expected one of them"
            )
        written, event, known = display_page(
            events,
            output,
            **which,
            n_events=N_EVENTS if n_events is None else n_events,
            compare=compare,
            scale=scale,
            geometry=geometry,
            force=force,
        )
    else:
        if n_events is not None:
            raise AnalysisError("--events belongs to a page of several events; expected --html with it")
        written, event, known = display_event(
            events,
            output,
            **which,
            compare=compare,
            scale=scale,
            in_space=in_space,
            geometry=geometry,
            force=force,
        )
    typer.echo(" · ".join([f"{written}: {event.title}", *(one.text() for one in known)]))
