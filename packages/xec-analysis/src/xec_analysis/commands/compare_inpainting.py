"""`xec compare-inpainting`: dead channels filled in by a network and by estimators without one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xec_analysis.commands.options import DeadChannels, Force, NphoBranch, TimeBranch, Tree


def compare_inpainting(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="MODEL FILE…",
            help="Checkpoint of an inpainter, and ROOT files; only files with --no-network.",
            show_default=False,
        ),
    ],
    dead: DeadChannels = None,
    validation: Annotated[
        str,
        typer.Option(
            help="pseudo: hide the sensors of --dead in simulated events. data: hide healthy sensors at "
            "random. auto: pseudo if --dead is given and the files have the true energy.",
        ),
    ] = "auto",
    fraction: Annotated[
        float, typer.Option(help="With data: fraction of the healthy sensors of each face to hide.")
    ] = 0.05,
    seed: Annotated[int, typer.Option(help="With data: seed of the random choice.")] = 0,
    events: Annotated[
        int, typer.Option("--events", "-n", help="Number of events to read, from the beginning.")
    ] = 2000,
    network: Annotated[
        bool,
        typer.Option("--network/--no-network", help="Compare a network, or the estimators alone."),
    ] = True,
    regressor: Annotated[
        Path | None,
        typer.Option(
            help="Checkpoint or ONNX file of an energy regressor: the effect of dead channels on it."
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The PDF; the numbers go into a CSV file beside it.")
    ] = Path("compare_inpainting.pdf"),
    residuals: Annotated[
        Path | None, typer.Option(help="ROOT file for every hidden sensor and its mask_type.")
    ] = None,
    geometry: Annotated[
        str | None,
        typer.Option(
            metavar="nominal|FILE",
            help="Where the sensors stand, for the estimators; by default as the network was trained.",
        ),
    ] = None,
    tree: Tree = "tree",
    npho_branch: NphoBranch = "npho",
    time_branch: TimeBranch = "relative_time",
    force: Force = False,
) -> None:
    """Hide sensors whose reading is known, and compare the estimates of a network and of other methods.

    xec compare-inpainting inpainter.pth simulated.root --dead dead.txt --regressor energy.onnx
    xec compare-inpainting inpainter.pth run12345.root --validation data --fraction 0.05
    """
    from rich.console import Console

    from xec_analysis.inpainting import comparison as program
    from xec_data.commands.progress import progress_of_files

    model, files = (inputs[0], inputs[1:]) if network else (None, inputs)
    options = program.ComparisonOptions(
        files=files,
        model=model,
        dead=dead,
        validation=validation,
        fraction=fraction,
        seed=seed,
        max_events=events,
        regressor=regressor,
        output=output,
        residuals=residuals,
        tree_name=tree,
        npho_branch=npho_branch,
        time_branch=time_branch,
        geometry=geometry,
        force=force,
    )
    console = Console(highlight=False)
    with progress_of_files("filling in") as progress_of:
        comparison = program.compare_inpainting(options, progress_of(files[0]) if files else None)
    for part in comparison.report():
        console.print(part, soft_wrap=isinstance(part, str))
    for path in program.write_comparison(comparison, options):
        console.print(f"{path}", soft_wrap=True)
