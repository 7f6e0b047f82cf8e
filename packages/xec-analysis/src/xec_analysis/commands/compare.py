"""`xec compare`: trainings, predictions, or estimates of hidden sensors beside each other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xec_analysis.commands.options import DeadChannels, Force, NphoBranch, TimeBranch, Tree

_HIDDEN = "Hidden sensors"


def compare(
    inputs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="RUN_OR_FILE…",
            help="Run directories (or their names in artifacts/); or files of predictions; or files of "
            "events, with the checkpoint or run of a network that reconstructs readings, or alone.",
            show_default=False,
        ),
    ] = None,
    experiment: Annotated[
        str | None,
        typer.Option(
            "--experiment",
            "-e",
            metavar="NAME",
            help="Also the runs of an experiment of MLflow, wherever they were trained.",
            show_default=False,
        ),
    ] = None,
    tracking_uri: Annotated[
        str | None,
        typer.Option(
            metavar="URI",
            help="Its server; default: $MLFLOW_TRACKING_URI, or sqlite:///mlflow.db here.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The PDF; the numbers go into a CSV file beside it.")
    ] = Path("compare.pdf"),
    tree: Tree = "tree",
    force: Force = False,
    dead: DeadChannels = None,
    validation: Annotated[
        str,
        typer.Option(
            help="pseudo: hide the sensors of --dead in simulated events. data: hide healthy sensors at "
            "random. auto: pseudo if --dead is given and the files have the true energy.",
            rich_help_panel=_HIDDEN,
        ),
    ] = "auto",
    fraction: Annotated[
        float,
        typer.Option(
            help="With data: fraction of the healthy sensors of each face to hide.", rich_help_panel=_HIDDEN
        ),
    ] = 0.05,
    seed: Annotated[
        int, typer.Option(help="With data: seed of the random choice.", rich_help_panel=_HIDDEN)
    ] = 0,
    events: Annotated[
        int,
        typer.Option(
            "--events",
            "-n",
            help="Number of events to read of each file, from the beginning.",
            rich_help_panel=_HIDDEN,
        ),
    ] = 2000,
    regressor: Annotated[
        Path | None,
        typer.Option(
            help="Checkpoint or ONNX file of an energy regressor: the effect of dead channels on it.",
            rich_help_panel=_HIDDEN,
        ),
    ] = None,
    residuals: Annotated[
        Path | None,
        typer.Option(help="ROOT file for every hidden sensor and its mask_type.", rich_help_panel=_HIDDEN),
    ] = None,
    geometry: Annotated[
        str | None,
        typer.Option(
            metavar="nominal|FILE",
            help="Where the sensors stand, for the estimators; by default as the network was trained.",
            rich_help_panel=_HIDDEN,
        ),
    ] = None,
    npho_branch: NphoBranch = "npho",
    time_branch: TimeBranch = "relative_time",
) -> None:
    """Compare trainings, predictions for the same events, or estimates of hidden sensors.

    Of runs: what differs in their configurations and origins, their curves (runs that continue one another as
    one), the validation in the best epoch with errors and ranks, and differences from the first run, on the
    same events. Of files of predictions the same without the training. In files of events, sensors are hidden
    whose reading is known, and the estimates of a network and of other methods compared.

    xec compare artifacts/first artifacts/second
    xec compare --experiment energy --tracking-uri http://server:5000
    xec compare first.root second.root -o networks.pdf
    xec compare inpainter.pth simulated.root --dead dead.txt --regressor energy.onnx
    xec compare inpainter.pth run12345.root --validation data --fraction 0.05
    """
    from tempfile import TemporaryDirectory

    from rich.console import Console

    from xec_analysis.comparison.experiment import fetch_runs
    from xec_analysis.comparison.sources import open_source
    from xec_analysis.comparison.table import CompareOptions, choose_comparison
    from xec_analysis.errors import AnalysisError
    from xec_analysis.inpainting.comparison import ComparisonOptions

    hiding = ComparisonOptions(
        files=(),
        dead=dead,
        validation=validation,
        fraction=fraction,
        seed=seed,
        max_events=events,
        regressor=regressor,
        residuals=residuals,
        tree_name=tree,
        npho_branch=npho_branch,
        time_branch=time_branch,
        geometry=geometry,
    )
    options = CompareOptions(output=output, force=force, tree_name=tree, hiding=hiding)
    console = Console(highlight=False)
    if experiment is None and tracking_uri is not None:
        raise AnalysisError("--tracking-uri tells where an experiment is; expected --experiment NAME with it")
    with TemporaryDirectory() as folder:
        fetched, notes = fetch_runs(experiment, tracking_uri, Path(folder)) if experiment else ([], [])
        paths = [*(inputs or ()), *fetched]
        if not paths:
            raise AnalysisError("nothing to compare; expected RUN_OR_FILE…, or --experiment NAME")
        sources = [open_source(path, tree_name=tree, npho_branch=npho_branch) for path in paths]
        for part in choose_comparison(sources).compare(sources, options):
            soft = isinstance(part, str | Path)
            console.print(f"{part}" if soft else part, soft_wrap=soft)
        for note in notes:
            console.print(f"note: {note}", soft_wrap=True)
