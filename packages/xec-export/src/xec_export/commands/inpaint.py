"""``xec inpaint``: files with their dead channels recovered."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xec_export.commands.options import (
    AcceptRange,
    DumpEvents,
    DumpInputs,
    ExpectedGeometry,
    Force,
    NphoBranch,
    Output,
    Threads,
    TimeBranch,
    Tree,
)


def inpaint(
    model: Annotated[Path, typer.Argument(help="A checkpoint of an inpainter, or its export.")],
    inputs: Annotated[list[str], typer.Argument(help="ROOT files, folders or patterns.")],
    output: Output,
    dead: Annotated[
        list[str] | None,
        typer.Option(
            help="Sensors known as bad: a text file, a ROOT file with a branch 'dead', a database's URL, or "
            "a YAML file that describes a database; may be repeated. By default those of the branch 'dead'."
        ),
    ] = None,
    invalid: Annotated[
        bool | None,
        typer.Option(
            "--invalid/--no-invalid",
            help="Recover sensors without a valid count in an event, too, known as bad or not.",
            show_default="with --dead they stay invalid, without it they are recovered",
        ),
    ] = None,
    batch: Annotated[
        int | None, typer.Option(min=1, help="Events at a time; by default 16 on the CPU, 256 on a GPU.")
    ] = None,
    tree: Tree = "tree",
    npho_branch: NphoBranch = None,
    time_branch: TimeBranch = None,
    threads: Threads = None,
    geometry: ExpectedGeometry = None,
    dump_inputs: DumpInputs = None,
    dump_events: DumpEvents = 64,
    accept_range: AcceptRange = False,
    force: Force = False,
) -> None:
    """Recover dead channels in a copy of ROOT files.

    The copy has the readings of dead channels replaced (npho, and the time
    if the network predicts it), a branch 'inpainted' that flags them, and
    every other branch as it was.
    """
    from xec_data.dead_channels.sources import open_dead_channels
    from xec_data.reading.file_paths import find_files
    from xec_export.commands.messages import print_inpainting
    from xec_export.commands.progress import events_progress
    from xec_export.inpainting.files import inpaint_files
    from xec_export.inpainting.network import InpaintingNetwork
    from xec_export.prediction.positions import check_positions
    from xec_geometry.support.output import check_output

    sources = [open_dead_channels(text, tree_name=tree) for text in dead or ()]
    network = InpaintingNetwork(model, batch_size=batch, threads=threads)
    files = find_files(list(inputs))
    if geometry is not None:
        check_positions(
            model,
            geometry,
            trained=network.geometry,
            trained_hash=network.geometry_hash,
            layout=network.layout,
        )
    check_output(output, inputs=[model, *files], force=force)
    if dump_inputs is not None:
        check_output(dump_inputs, inputs=[model, *files], force=force)
    with events_progress("inpaint") as progress:
        report = inpaint_files(
            network,
            files,
            output,
            dead=sources,
            invalid=invalid,
            tree_name=tree,
            npho_branch=npho_branch,
            time_branch=time_branch,
            progress=progress.update,
            accept_range=accept_range,
            dump=dump_inputs,
            dump_events=dump_events,
        )
    print_inpainting(report, network)
