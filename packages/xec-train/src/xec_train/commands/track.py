"""``xec track``: runs on a tracking server."""

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
    """Send the missing parts of runs to MLflow: parameters, metrics, data files, results.

    A second upload changes nothing; a run that was sent in part is completed.
    """
    from xec_train.tracking.upload import upload_run

    for run in runs:
        upload_run(run, tracking_uri, typer.echo)
