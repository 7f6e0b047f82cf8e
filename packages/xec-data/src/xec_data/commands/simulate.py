"""The command `xec data simulate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xec_geometry.cli.options import Force, Geometry


def simulate(
    output: Annotated[Path, typer.Argument(metavar="OUT.root", help="The file to write.")],
    events: Annotated[int, typer.Option("--events", "-n", help="Number of events.")] = 1000,
    seed: Annotated[int, typer.Option("--seed", "-s", help="The same seed gives the same events.")] = 0,
    energy: Annotated[
        str, typer.Option("--energy", help="Energy of the photons in GeV, or a range LOW:HIGH (uniform).")
    ] = "0.0528",
    shower: Annotated[
        bool,
        typer.Option("--shower/--point", help="A shower, or all energy at the first interaction point."),
    ] = True,
    dead: Annotated[
        float, typer.Option("--dead", help="Fraction of dead sensors, the same in all events.")
    ] = 0.0,
    run: Annotated[int, typer.Option("--run", help="Run number.")] = 0,
    vertex_spread: Annotated[
        float,
        typer.Option("--vertex-spread", help="Size (1σ) of the beam spot in cm; 0: a point at the origin."),
    ] = 1.0,
    deposits: Annotated[int, typer.Option("--deposits", help="Points of energy per shower.")] = 20,
    threshold: Annotated[
        float, typer.Option("--npho-threshold", help="Sensors with fewer photons have no valid time.")
    ] = 100.0,
    photons: Annotated[
        str,
        typer.Option("--photons", help="Photons in an event, or a range LOW:HIGH (uniform) within 0 to 4."),
    ] = "1",
    pile_up_window: Annotated[
        float,
        typer.Option(
            "--pile-up-window",
            help="Window in ns, centred on the first photon of an event, in which its others begin.",
        ),
    ] = 180.0,
    noise_free: Annotated[
        bool,
        typer.Option("--noise-free", help="Sensors read the light itself, without chance and noise."),
    ] = False,
    geometry: Geometry = "nominal",
    processes: Annotated[
        int, typer.Option("--processes", "-j", help="Processes that simulate; 0: one for every core.")
    ] = 0,
    chunk: Annotated[
        int, typer.Option("--chunk", help="Events kept in memory before they are written.")
    ] = 1000,
    force: Force = False,
) -> None:
    """Simulate photons from the target in the xenon detector: light map, showers, sensors.

    The file has the branches of real ones, with the truth. The same seed gives the same events whatever
    the chunk size and the number of processes, and more events begin with the same ones.

    Events of several photons have the truth of the one of largest energy; their number is in the branch
    n_gamma. Events of 0 photons have noise only: all truth but n_gamma is 1e10, no value.

    xec data simulate photons.root --events 10000 --photons 0:4 --energy 0.015:0.060
    """
    from xec_data.simulation.configuration import SimulationConfig, parse_energy, parse_photons
    from xec_data.simulation.file import simulate_file
    from xec_data.simulation.progress import show_progress
    from xec_geometry.detector.geometry_file import geometry_files, load_geometry
    from xec_geometry.support.output import check_output

    check_output(output, inputs=geometry_files(geometry), force=force)
    config = SimulationConfig(
        seed=seed,
        energy=parse_energy(energy),
        shower=shower,
        dead_fraction=dead,
        run=run,
        vertex_spread=vertex_spread,
        deposits=deposits,
        npho_threshold=threshold,
        photons=parse_photons(photons),
        pile_up_window=pile_up_window * 1e-9,
        noise_free=noise_free,
        geometry=load_geometry(geometry),
    )
    with show_progress(events) as progress:
        summary = simulate_file(
            output, config, events, processes=processes, chunk_size=chunk, progress=progress
        )
    typer.echo(summary.line())
