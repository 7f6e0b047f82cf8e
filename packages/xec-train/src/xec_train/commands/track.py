"""`xec track`: what becomes of the numbers of a training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Send runs to a tracking server.")


@app.callback()
def _group() -> None:
    """Send runs to a tracking server."""


@app.command()
def upload(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN_DIR...", help="Run directories of 'xec train'.")],
    tracking_uri: Annotated[
        str | None,
        typer.Option(
            metavar="URI",
            help="The server; default: mlflow.tracking_uri of the run, $MLFLOW_TRACKING_URI, "
            "or sqlite:///mlflow.db here.",
        ),
    ] = None,
) -> None:
    """Send to MLflow what it lacks of runs: parameters, numbers, data files, results.

    Doing it again changes nothing; a run that was sent in part is completed.
    """
    from xec_train.tracking.upload import upload_run

    for run in runs:
        upload_run(run, tracking_uri, typer.echo)
