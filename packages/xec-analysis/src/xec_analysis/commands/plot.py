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
            help="Run directory (or its name in artifacts/), or a file of predictions or reconstructions.",
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
    """Plot the resolution of every task, or the errors of reconstructed readings, and print the numbers.

    For a run, also the curves of its training. Of a masked autoencoder or an inpainter: truth, mask,
    reconstruction and residual of events on the unrolled detector, and the residuals of every face.

    xec plot artifacts/my_run
    xec plot predictions.root -o plots --task energy
    """
    from rich.console import Console

    from xec_analysis.errors import AnalysisError
    from xec_analysis.inpainting.numbers import by_face, numbers_tables
    from xec_analysis.reconstruction.events import load_reconstruction, reconstruction_file
    from xec_analysis.reconstruction.pages import draw_reconstruction
    from xec_analysis.resolution.pages import draw_pages
    from xec_analysis.resolution.results import load_results, locate_results
    from xec_analysis.resolution.table import census, metrics_table
    from xec_analysis.runs.run_artifact import objective
    from xec_analysis.runs.training_curves import draw_training_curves
    from xec_analysis.style.style import check_format
    from xec_data.tasks.table import RECONSTRUCTIONS
    from xec_geometry.support.output import make_folder
    from xec_models.checkpoint.run_directory import RunDirectory

    check_format(Path(f"plot.{kind}"))
    path = locate_results(source)
    console = Console(highlight=False)
    reconstructed = reconstruction_file(path, tree)
    folder = output or (path if path.is_dir() else path.parent) / "plots"
    if reconstructed is not None:
        if task:
            raise AnalysisError(f"--task {task[0]}: {reconstructed} holds reconstructed readings, no tasks")
        name = path.name if path.is_dir() else path.stem
        reconstruction = load_reconstruction(reconstructed, name, tree_name=tree)
        for title, table in numbers_tables(by_face(reconstruction.readings())):
            console.print(f"{reconstruction.name}, hidden sensors of {len(reconstruction)} events: {title}")
            console.print(table)
        paths = draw_reconstruction(reconstruction, make_folder(folder), kind)
    elif path.is_dir() and objective(RunDirectory.open(path)) in RECONSTRUCTIONS:
        missing = RunDirectory(path).reconstruction.name
        console.print(
            f"note: no {missing} in this run; checkpoint.save_predictions writes it", soft_wrap=True
        )
        make_folder(folder)
        paths = []
    else:
        results = load_results(path, task, tree_name=tree)
        console.print(metrics_table(results))
        for line in census(results):
            console.print(f"note: {line}", soft_wrap=True)
        paths = draw_pages(results, make_folder(folder), kind)
    if path.is_dir() and RunDirectory(path).metrics.is_file():
        run = RunDirectory.open(path)
        paths.append(draw_training_curves(run, folder / f"training_curves_{run.name}.{kind}"))
    for written in paths:
        console.print(f"{written}", soft_wrap=True)
