"""`xec bound`: the best resolution that is possible for point events."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xec_analysis.commands.options import DeadChannels, Geometry, Tree

_EVENTS = 1000


def bound(
    uvw: Annotated[
        str | None,
        typer.Option(metavar="U,V,W", help="One point, in cm, instead of a table against the depth."),
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="True points and energies of the events of a ROOT file instead."),
    ] = None,
    energy: Annotated[
        float | None,
        typer.Option(help="Energy in GeV, without --events.", show_default="that of signal photons"),
    ] = None,
    number: Annotated[
        int | None,
        typer.Option(
            "--number",
            "-n",
            help="With --events: events from the beginning.",
            min=1,
            show_default=str(_EVENTS),
        ),
    ] = None,
    dead: DeadChannels = None,
    known_gains: Annotated[
        bool, typer.Option("--known-gains", help="The gains of all sensors are known exactly.")
    ] = False,
    geometry: Geometry = "nominal",
    tree: Tree = "tree",
) -> None:
    """Print the Cramér–Rao bound of position, energy and time: no unbiased estimate is more precise.

    It holds for events of the simulation that leave all their energy at one point, not for showers. Numbers
    are standard deviations, the medians of the points.

    xec bound
    xec bound --uvw 3,5,2 --energy 0.03
    xec bound --events points.root --known-gains
    """
    from rich.console import Console

    from xec_analysis.errors import AnalysisError
    from xec_analysis.likelihood import bound_table as tables
    from xec_analysis.likelihood.readout_model import ReadoutModel
    from xec_data.dead_channels.sources import open_dead_channels
    from xec_data.simulation.configuration import MAX_ENERGY, SIGNAL_ENERGY
    from xec_geometry import load_geometry

    if uvw is not None and events is not None:
        raise AnalysisError("--uvw and --events exclude each other; expected one of them, or neither")
    if events is not None and energy is not None:
        raise AnalysisError("--energy and --events exclude each other: the file has the energies")
    if events is None and number is not None:
        raise AnalysisError("--number counts the events of a file; expected --events FILE with it")
    energy = SIGNAL_ENERGY if energy is None else energy
    if not 0 < energy <= MAX_ENERGY:
        raise AnalysisError(f"the energy is {energy:g} GeV; expected more than 0, at most {MAX_ENERGY:g} GeV")
    readout = ReadoutModel(gain_spread=0.0) if known_gains else ReadoutModel()
    hidden = open_dead_channels(dead).dead() if dead is not None else None
    table = load_geometry(geometry)
    if events is not None:
        rows = tables.bound_of_events(
            events,
            max_events=number or _EVENTS,
            dead=hidden,
            readout=readout,
            geometry=table,
            tree_name=tree,
        )
        place, title = "w cm", f"Bound of point events at the truth of {events.name}"
    else:
        title = f"Bound of point events of {1e3 * energy:g} MeV"
        if uvw is not None:
            point = _point(uvw)
            rows = [tables.bound_at(point, energy, dead=hidden, readout=readout, geometry=table)]
            place = "u, v, w cm"
        else:
            rows = tables.bound_by_depth(energy, dead=hidden, readout=readout, geometry=table)
            place = "w cm"
    left_out = [] if hidden is None else [f"{int(hidden.sum())} sensors known as bad"]
    left_out += ["those without a valid count in an event"] if events is not None else []
    console = Console(highlight=False)
    console.print(tables.bound_table(rows, place, title))
    console.print(f"Left out: {' and '.join(left_out) or 'no sensor'}.", soft_wrap=True)


def _point(text: str) -> tuple[float, float, float]:
    from xec_analysis.errors import AnalysisError

    try:
        u, v, w = (float(part) for part in text.split(","))
    except ValueError:
        raise AnalysisError(f"cannot read the point {text!r}; expected u,v,w in cm, as in 3,5,2") from None
    return u, v, w
