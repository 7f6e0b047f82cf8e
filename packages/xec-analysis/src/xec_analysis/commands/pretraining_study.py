"""`xec pretraining-study`: regression from few labels, with and without pre-training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def pretraining_study(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for all output of the study.")
    ] = Path("xec-pretraining"),
    quick: Annotated[
        bool, typer.Option("--quick", help="A minute or two: every step, but nothing is learnt.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the output of an earlier study in the folder.")
    ] = False,
) -> None:
    """Train on few labelled events, with and without pre-training, and draw both validations in one figure.

    A masked autoencoder learns from events without labels; then the same regression starts once from
    scratch and once from its encoder. All events are simulated.
    """
    from rich.console import Console

    from xec_analysis.studies.pretraining_study import run_study
    from xec_analysis.studies.steps import StepError

    try:
        run_study(output, quick=quick, overwrite=overwrite, console=Console(highlight=False))
    except StepError as error:
        typer.echo(f"xec: error: {error}", err=True)
        raise typer.Exit(error.code) from None
