"""``xec convert``: a checkpoint of the earlier system as one of xec."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from xec_geometry.cli.options import Force


def convert(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint of xec-ml-wl.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The new checkpoint.")],
    angle_unit: Annotated[
        str, typer.Option(help="Unit of emiAng in the files that it was trained on: deg or rad.")
    ] = "deg",
    npho_threshold: Annotated[
        float | None,
        typer.Option(help="Photons below which a time is invalid, if the file does not say; default 100."),
    ] = None,
    normalization: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="A constant of the normalization that the file does not state, e.g. time_scale=1.14e-7; "
            "preset=legacy for a set of them. May be repeated.",
        ),
    ] = None,
    log_transform: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TASK",
            help="A task that was trained with log_transform: true, or none; the file does not say. "
            "May be repeated.",
        ),
    ] = None,
    force: Force = False,
) -> None:
    """Convert a checkpoint of the earlier system xec-ml-wl.

    Regressors, masked autoencoders and inpainters, with the same numbers
    as before on normalized inputs; what cannot be converted so is refused.
    Files are read without executing anything.
    """
    from xec_geometry.support.output import check_output
    from xec_models.checkpoint.writing import save_checkpoint
    from xec_models.earlier.answers import Answers, parse_constants, parse_tasks
    from xec_models.earlier.conversion import convert_checkpoint

    check_output(output, inputs=[checkpoint], force=force)
    answers = Answers(
        angle_unit, npho_threshold, parse_constants(normalization or []), parse_tasks(log_transform or [])
    )
    conversion = convert_checkpoint(checkpoint, answers)
    save_checkpoint(output, conversion.checkpoint)
    for line in conversion.found:
        print(f"found: {line}")
    print(f"converted: {conversion.n_tensors} tensors")
    for line in conversion.notes:
        print(f"note: {line}")
    for line in conversion.warnings:
        typer.echo(f"warning: {line}", err=True)
    for section, values in conversion.checkpoint.config.sections.items():
        shown = values if section != "tasks" else {name: task["loss_fn"] for name, task in values.items()}
        print(f"{section}: {', '.join(f'{key}={value}' for key, value in shown.items())}")
    print(f"wrote {output}; continue with")
    word = shlex.quote(str(output))
    if conversion.checkpoint.kind == "regressor":
        print(f"  xec predict {word} FILE.root -o PREDICTIONS.root")
        print(f"  xec export {word}")
    if conversion.checkpoint.kind == "inpainter":
        print(f"  xec inpaint {word} FILE.root -o RECOVERED.root")
    print(f"  xec config convert OLD.yaml --checkpoint {word} -o run.yaml   # with its configuration, or")
    print(f"  xec config new --checkpoint {word} -o run.yaml                # without it; then")
    print("  xec train run.yaml   # with these weights and a new optimizer")
    print("  (with model.layout=physical, weights of the outer and hexagonal faces have to adapt)")
