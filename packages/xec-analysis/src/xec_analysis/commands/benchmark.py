"""`xec benchmark`: networks beside everything else that measures photons, on fixed sets of events."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def benchmark(
    minutes: Annotated[
        float,
        typer.Option(
            "--minutes", "-m", help="Duration of the training on showers of 15 to 60 MeV; others: at most 5."
        ),
    ] = 5.0,
    events: Annotated[
        str | None,
        typer.Option(
            "--events",
            "-n",
            metavar="TRAIN[:VALIDATION[:TEST]]",
            help="Numbers of events of every set.",
            show_default="20000:1000:5000",
        ),
    ] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--sets", "-s", metavar="SET,…", help="Sets to measure.", show_default="all"),
    ] = None,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="Folder for all output; an earlier run there is gone on with."),
    ] = Path("xec-benchmark"),
    compare: Annotated[
        list[str] | None,
        typer.Option(
            "--compare",
            "-c",
            metavar="FILE[=NAME]",
            help="A row of another program: a ROOT or CSV file with pred_energy, … of a set's events.",
        ),
    ] = None,
    page: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE.md", help="Write the tables to this file, too.")
    ] = None,
    preset: Annotated[
        str, typer.Option(help="Preset of the configuration, see 'xec config new'.")
    ] = "laptop",
    kind: Annotated[
        str, typer.Option("--format", "-f", help="Format of the figures: pdf, png or svg.")
    ] = "pdf",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Do everything again that an earlier run finished.")
    ] = False,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change of the configuration.", hidden=True),
    ] = None,
) -> None:
    """Train networks on fixed simulated events, and measure them beside all other methods.

    Showers and points, at 52.8 MeV and from 15 to 60 MeV, with and without dead sensors. One table a set:
    68 % width, RMS and bias of the network and of the other methods, with errors.

    xec benchmark --minutes 60 -o benchmark
    xec benchmark --sets showers --compare predictions.root=mine -o benchmark
    """
    from rich.console import Console

    from xec_analysis.studies.benchmark.commands import Training
    from xec_analysis.studies.benchmark.program import BenchmarkOptions, run_benchmark
    from xec_analysis.studies.steps import StepError
    from xec_analysis.style.figures import check_format

    check_format(Path(f"figure.{kind}"))
    options = BenchmarkOptions(
        folder=output,
        training=Training(minutes, preset, tuple(settings or ())),
        events=events,
        sets=tuple(sets or ()),
        compare=tuple(compare or ()),
        page=page,
        overwrite=overwrite,
        kind=kind,
    )
    console = Console(highlight=False)
    # A table in a log shall not be cut to the width of a terminal that is not there.
    if not console.is_terminal:
        console = Console(highlight=False, width=200)
    try:
        run_benchmark(options, console)
    except StepError as error:
        typer.echo(f"xec: error: {error}", err=True)
        raise typer.Exit(error.code) from None
