"""``xec export``: a checkpoint as an ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xec_export.commands.defaults import GroupWithDefault
from xec_export.commands.options import listed
from xec_geometry.cli.options import Force

export = typer.Typer(cls=GroupWithDefault)


@export.command("export")
def export_network(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint of 'xec train', of any objective.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The file to write; by default <run>.onnx of a run's best checkpoint, else beside it.",
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
    tasks: Annotated[
        list[str] | None,
        typer.Option(help="Only these tasks of the network; may be repeated, or a list with commas."),
    ] = None,
    encoder: Annotated[
        bool, typer.Option("--encoder", help="The encoder alone, of any network: a token for each face.")
    ] = False,
    precision: Annotated[
        str,
        typer.Option(
            metavar="fp32|fp16|int8",
            help="Precision of the products with weights; all else stays in float32. A lower one is "
            "refused if a 68 % width grows by more than 1 %.",
        ),
    ] = "fp32",
    events: Annotated[
        list[str] | None,
        typer.Option(help="ROOT file with truth to measure the loss of a lower precision on."),
    ] = None,
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="Keep a graph of lower precision whatever it costs.")
    ] = False,
    format_name: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="onnx|pt2",
            help="onnx, or pt2: code compiled for this machine, for libtorch.",
        ),
    ] = "onnx",
    force: Force = False,
) -> None:
    """Export a network to ONNX: raw readings in, physical quantities out.

    Of an inpainter the readings of all sensors come out, recovered where
    a third input, 'dead', says so; of a masked autoencoder what it makes
    of the sensors that the input 'mask' does not hide.

    The graph is compared with torch on batches of 0, 1, 3 and 64 events
    and on invalid readings, and kept only if they agree. A description
    of inputs, outputs and constants is written beside it as JSON;
    'xec export inspect FILE' prints it.
    """
    from xec_export.commands.messages import print_export, print_loss, print_parity
    from xec_export.formats.table import EXPORT_FORMATS
    from xec_export.onnx.export import export_checkpoint
    from xec_export.onnx.parity import ParityError
    from xec_export.precision.loss import LossError
    from xec_geometry.support.output import check_output

    # Without a name an earlier export of the same checkpoint is replaced.
    if output is not None:
        form = EXPORT_FORMATS.get_named(format_name, "--format: ")
        for path in (output, form.json_of(output)):
            check_output(path, inputs=[checkpoint, *map(Path, (*(data or ()), *(events or ())))], force=force)
    try:
        report = export_checkpoint(
            checkpoint,
            output,
            data=data,
            tolerance=tolerance,
            opset=opset,
            mirror=mirror,
            tasks=listed(tasks),
            encoder=encoder,
            precision=precision,
            events=events,
            accept_loss=accept_loss,
            format_name=format_name,
            force=force,
        )
    except ParityError as error:
        print_parity(error.report)
        raise
    except LossError as error:
        print_loss(error.report, precision)
        raise
    print_parity(report.parity)
    if report.loss is not None:
        print_loss(report.loss, precision)
    print_export(report)


@export.command("inspect")
def inspect(
    model: Annotated[Path, typer.Argument(metavar="FILE", help="An exported network, or a checkpoint.")],
) -> None:
    """Print what a network is: inputs, outputs, units, geometry, training, versions."""
    from xec_export.commands.inspection import print_description
    from xec_export.prediction.model_file import describe_file

    print_description(describe_file(model), model)
