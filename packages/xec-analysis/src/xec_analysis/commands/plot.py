"""`xec plot`: the quality of predictions or reconstructed readings, in numbers and plots."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_FILE_WIDTH = 100


def plot(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN_OR_FILE…",
            help="Run directory (or its name in artifacts/), or a file of predictions or reconstructions; "
            "several files of predictions are taken as one.",
            show_default=False,
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
    line: Annotated[
        list[str] | None,
        typer.Option(
            "--line",
            "-l",
            metavar="ENERGY",
            help="The photons have this energy: 0.0549 (GeV) or 54.9MeV. Fit it. May be repeated: lines of "
            "the same file, or a file for each line.",
        ),
    ] = None,
    line_settings: Annotated[
        Path | None,
        typer.Option(help="YAML file with range, cuts, patches and shape of lines.", show_default=False),
    ] = None,
    saliency: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Also draw what the outputs of a run's network follow, over N validation events.",
            show_default=False,
        ),
    ] = None,
    bins: Annotated[
        list[str] | None,
        typer.Option(
            "--bins",
            "-b",
            metavar="VARIABLE[=EDGES]",
            help="Metrics in bins of this variable or branch, in its unit: w, or w=0,2,5,10. May be "
            "repeated; by default energy, u, v and w.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Plot the resolution of every task, or the errors of reconstructed readings, and print the numbers.

    Predictions without a truth, of real data, are compared with the conventional reconstruction: differences
    and correlations, against position, energy and run number, and the spectra.

    For a run, also the curves of its training and its worst events. Of a masked autoencoder or an inpainter:
    truth, mask, reconstruction and residual of events on the unrolled detector, and the errors of every face.

    With --line, of a calibration run: spectra of the network, its variants and the conventional energy with
    fits, peak and resolution in patches of the inner face and in depths, as plots, CSV and JSON. Of several
    lines also the resolution against the energy.

    metrics.json and metrics.csv hold all figures of merit with their statistical errors, also of a
    conventional reconstruction in the file: overall, and in the bins of --bins.

    With --saliency, the derivatives of every output with respect to photons and times, and integrated
    gradients: per face, and on the unrolled detector.

    xec plot artifacts/my_run --saliency 100
    xec plot predictions.root -o plots --task energy --bins w=0,2,5,10
    xec plot --line 54.9MeV --line 82.9MeV charge_exchange.root --line-settings lines.yaml
    """
    from rich.console import Console

    from xec_analysis.errors import AnalysisError
    from xec_analysis.metrics.binning import parse_bins
    from xec_analysis.plots.plot_sets import draw_plots, print_numbers
    from xec_analysis.plots.source import PlotSource, question_of_lines
    from xec_analysis.style.figures import check_format

    check_format(Path(f"plot.{kind}"))
    console = Console(highlight=False)
    if not console.is_terminal:
        # A file has no edge that a table would have to keep to.
        console.width = max(console.width, _FILE_WIDTH)
    lines = question_of_lines(line, sources, line_settings) if line else None
    if lines is None and line_settings is not None:
        raise AnalysisError("--line-settings tells how lines are measured; expected --line ENERGY with it")
    requests = [parse_bins(text) for text in bins or ()]
    if requests and lines is not None:
        raise AnalysisError("--bins is about predictions beside the truth; expected no --line with it")
    plots = PlotSource(sources, task, tree_name=tree, lines=lines, saliency=saliency or 0, bins=requests)
    for part in print_numbers(plots):
        console.print(part, soft_wrap=isinstance(part, str))
    for path in draw_plots(plots, output, kind):
        console.print(f"{path}", soft_wrap=True)
