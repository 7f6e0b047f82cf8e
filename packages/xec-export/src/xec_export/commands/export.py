"""``xec export``: a checkpoint as an ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xec_geometry.cli.options import Force


def export(
    checkpoint: Annotated[
        Path, typer.Argument(help="A checkpoint of 'xec train': a regressor or an inpainter.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The ONNX file; by default <run>.onnx in a run directory, else beside the checkpoint.",
        ),
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(
            help="ROOT file with events to compare on (may be repeated); by default the validation files "
            "of the training, or simulated events."
        ),
    ] = None,
    tolerance: Annotated[
        float, typer.Option(help="Largest difference from torch, as a fraction of each output's spread.")
    ] = 1e-4,
    opset: Annotated[int, typer.Option(help="ONNX operator set.")] = 20,
    mirror: Annotated[
        bool,
        typer.Option(
            "--mirror",
            help="Average in the graph over the event and its reflections at z = 0, y = 0 and both, for four "
            "times the computing.",
        ),
    ] = False,
    force: Force = False,
) -> None:
    """Export a network to ONNX: raw readings in, physical quantities out.

    Of an inpainter the readings of all sensors come out, recovered where
    a third input, 'dead', says so.

    The graph is compared with torch on batches of 0, 1, 3 and 64 events
    and on invalid readings, and kept only if they agree. A description
    of inputs, outputs and constants is written beside it as JSON.
    """
    from xec_export.commands.messages import print_export, print_parity
    from xec_export.onnx.export import export_checkpoint
    from xec_export.onnx.parity import ParityError
    from xec_geometry.support.output import check_output

    # Without a name it is the run's own graph, which every export of the run replaces.
    if output is not None:
        for path in (output, output.with_suffix(".json")):
            check_output(path, inputs=[checkpoint, *map(Path, data or ())], force=force)
    try:
        report = export_checkpoint(
            checkpoint, output, data=data, tolerance=tolerance, opset=opset, mirror=mirror
        )
    except ParityError as error:
        print_parity(error.report)
        raise
    print_parity(report.parity)
    print_export(report)
