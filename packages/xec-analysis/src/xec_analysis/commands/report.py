"""`xec report`: everything about a run in one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xec_analysis.commands.options import Force


def report(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN_OR_FILE…",
            help="Run directory (or its name in artifacts/), or files of predictions or reconstructions.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Page; by default RUN/report_RUN.html, or one beside the file."),
    ] = None,
    task: Annotated[
        list[str] | None, typer.Option("--task", help="Only this task (may be repeated).")
    ] = None,
    tree: Annotated[str, typer.Option("--tree", "-t", help="Name of the tree in a ROOT file.")] = "tree",
    display: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, max=50, help="Also N validation events to look into.", show_default=False
        ),
    ] = None,
    mlflow: Annotated[
        bool,
        typer.Option("--mlflow/--no-mlflow", help="Add the page to the run's MLflow run, if it has one."),
    ] = True,
    force: Force = False,
) -> None:
    """Write one HTML page about a run or a file of predictions, which needs nothing else to be read.

    It holds resolutions with their errors, beside conventional estimators and the bound where the run's files
    are there; all plots of 'xec plot'; the differences of the exported network; data, configuration, versions
    and the commands. The run's own page is made anew; another file is replaced only with --force.

    xec report artifacts/my_run
    xec report artifacts/my_run --display 20 -o night.html
    xec report predictions.root
    """
    from xec_analysis.plots.source import PlotSource
    from xec_analysis.report.page import default_page, write_report
    from xec_analysis.report.receivers import send_page
    from xec_geometry.support.output import check_output

    plots = PlotSource(sources, task, tree_name=tree)
    own = output is None and plots.run is not None
    page = check_output(output or default_page(plots), inputs=plots.paths, force=force or own)
    write_report(plots, page, display or 0)
    typer.echo(f"{page}: {page.stat().st_size / 1e6:.1f} MB")
    for line in send_page(plots.run.path, page) if mlflow and plots.run is not None else ():
        typer.echo(line)
