"""``xec predict``: predictions of a network for the events of ROOT files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xec_export.commands.options import (
    AcceptRange,
    ExpectedGeometry,
    Force,
    NphoBranch,
    Output,
    Threads,
    TimeBranch,
    Tree,
)


def predict(
    model: Annotated[Path, typer.Argument(help="An ONNX file of 'xec export', or a checkpoint.")],
    inputs: Annotated[list[str], typer.Argument(help="ROOT files, folders or patterns, real data included.")],
    output: Output,
    batch: Annotated[
        int | None, typer.Option(min=1, help="Events at a time; by default 16 on the CPU, 512 on a GPU.")
    ] = None,
    tree: Tree = "tree",
    npho_branch: NphoBranch = None,
    time_branch: TimeBranch = None,
    angle_unit: Annotated[
        str,
        typer.Option(help="Unit of emiAng in the inputs: deg, rad, or auto, which compares it with emiVec."),
    ] = "auto",
    threads: Threads = None,
    mirror: Annotated[
        bool,
        typer.Option(
            "--mirror",
            help="Average over each event and its reflections at z = 0, y = 0 and both, for four times the "
            "computing.",
        ),
    ] = False,
    geometry: ExpectedGeometry = None,
    dump_inputs: Annotated[
        Path | None,
        typer.Option(
            help="Also write what enters the network, and what it gives, to this file, with which "
            "xec-validate (tools/cpp) compares in C++.",
        ),
    ] = None,
    dump_events: Annotated[int, typer.Option(min=1, help="Events in that file, the first ones.")] = 64,
    accept_range: AcceptRange = False,
    force: Force = False,
) -> None:
    """Predict the events of ROOT files.

    The output has pred_<quantity> (and sigma_<quantity> where the network
    knows its uncertainty) beside run, event, and whatever truth or
    conventional reconstruction the inputs have. Inputs without run and
    event numbers give a running number 'entry' instead.
    """
    from xec_data.reading.file_paths import find_files
    from xec_export.commands.messages import events_progress, print_prediction
    from xec_export.output.origin import is_made_from
    from xec_export.prediction.files import predict_files, prediction_origin
    from xec_export.prediction.mirrored import MirroredPredictor
    from xec_export.prediction.positions import check_positions
    from xec_export.prediction.predictor import Predictor, files_of, open_predictor
    from xec_geometry.support.output import check_output

    predictor: Predictor = open_predictor(model, batch_size=batch, threads=threads)
    if geometry is not None:
        known = predictor.description
        check_positions(
            model,
            geometry,
            trained=known.geometry,
            trained_hash=known.geometry_hash,
            layout=known.layout,
        )
    if mirror:
        predictor = MirroredPredictor(predictor)
    files = find_files(list(inputs))
    origin = prediction_origin(
        predictor,
        files,
        tree_name=tree,
        npho_branch=npho_branch,
        time_branch=time_branch,
        angle_unit=angle_unit,
    )
    if dump_inputs is None and not force and is_made_from(output, origin):
        print(f"{output} is there already, complete, of the same model and inputs (--force makes it again)")
        return
    protected = [*files_of(model), *files]
    check_output(output, inputs=protected, force=force)
    if dump_inputs is not None:
        check_output(dump_inputs, inputs=protected, force=force)
    with events_progress("predict") as progress:
        report = predict_files(
            predictor,
            files,
            output,
            tree_name=tree,
            npho_branch=npho_branch,
            time_branch=time_branch,
            angle_unit=angle_unit,
            progress=progress,
            accept_range=accept_range,
            dump=dump_inputs,
            dump_events=dump_events,
        )
    print_prediction(report, predictor)
