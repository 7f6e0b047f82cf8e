"""`xec plot`: how good predictions are, in numbers and pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def plot(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="RUN_OR_FILE",
            help="Run directory (or its name in artifacts/), or a file of predictions (.root, .csv).",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder; by default RUN/plots, or plots beside the file."),
    ] = None,
    task: Annotated[
        list[str] | None, typer.Option("--task", "-t", help="Only this task (may be repeated).")
    ] = None,
    kind: Annotated[str, typer.Option("--format", "-f", help="pdf, png or svg.")] = "pdf",
    tree: Annotated[str, typer.Option("--tree", help="Name of the tree in a ROOT file.")] = "tree",
) -> None:
    """Plot the resolution of every task and print its numbers.

    For a run, also the curves of its training.

    xec plot artifacts/my_run
    xec plot predictions.root -o plots --task energy
    """
    from rich.console import Console

    from xec_analysis.pages import draw_pages
    from xec_analysis.results import load_results, locate_results
    from xec_analysis.style import check_format
    from xec_analysis.table import census, metrics_table
    from xec_analysis.training_curves import draw_training_curves
    from xec_geometry.output import make_folder
    from xec_models.run_directory import RunDirectory

    check_format(Path(f"plot.{kind}"))
    path = locate_results(source)
    results = load_results(path, task, tree_name=tree)
    folder = make_folder(output or (path if path.is_dir() else path.parent) / "plots")
    console = Console(highlight=False)
    console.print(metrics_table(results))
    for line in census(results):
        console.print(f"note: {line}", soft_wrap=True)
    paths = draw_pages(results, folder, kind)
    if path.is_dir() and RunDirectory(path).metrics.is_file():
        run = RunDirectory.open(path)
        paths.append(draw_training_curves(run, folder / f"training_curves_{run.name}.{kind}"))
    for written in paths:
        console.print(f"{written}", soft_wrap=True)
