"""`xec demo`: the whole chain on simulated events."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for all output of the demo.")] = Path(
        "xec-demo"
    ),
    quick: Annotated[
        bool, typer.Option("--quick", help="About a minute: every step, but hardly any training.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the output of an earlier demo in the folder.")
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep/--discard", help="Keep the simulated events at the end, or remove them.")
    ] = True,
) -> None:
    """Simulate, check, train, export, predict and plot: the whole chain, in a few minutes.

    Runs the other commands as one would type them and shows each line before it runs. It ends with the
    resolution of the network beside conventional estimators.
    """
    from rich.console import Console

    from xec_analysis.studies.demo import run_demo
    from xec_analysis.studies.steps import StepError

    try:
        run_demo(output, quick=quick, overwrite=overwrite, keep=keep, console=Console(highlight=False))
    except StepError as error:
        typer.echo(f"xec: error: {error}", err=True)
        raise typer.Exit(error.code) from None
