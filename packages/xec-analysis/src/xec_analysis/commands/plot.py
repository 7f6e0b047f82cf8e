"""`xec plot`: the quality of predictions or reconstructed readings, in numbers and plots."""

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

    For a run, also the curves of its training and its worst events. Of a masked autoencoder or an inpainter:
    truth, mask, reconstruction and residual of events on the unrolled detector, and the errors of every face.

    xec plot artifacts/my_run
    xec plot predictions.root -o plots --task energy
    """
    from rich.console import Console

    from xec_analysis.plots.plot_sets import draw_plots, print_numbers
    from xec_analysis.plots.source import PlotSource
    from xec_analysis.style.figures import check_format

    check_format(Path(f"plot.{kind}"))
    console = Console(highlight=False)
    plots = PlotSource(source, task, tree_name=tree)
    for part in print_numbers(plots):
        console.print(part, soft_wrap=isinstance(part, str))
    for path in draw_plots(plots, output, kind):
        console.print(f"{path}", soft_wrap=True)
