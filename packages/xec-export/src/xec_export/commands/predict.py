"""``xec predict``: predictions of a network for the events of ROOT files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xec_export.commands.options import (
    AcceptRange,
    DumpEvents,
    DumpInputs,
    ExpectedGeometry,
    FileOrFolder,
    Force,
    NphoBranch,
    Provider,
    Threads,
    TimeBranch,
    Tree,
    listed,
)

if TYPE_CHECKING:
    from xec_export.prediction.options import PredictionOptions
    from xec_export.prediction.predictor import Predictor
    from xec_export.recovery.treatment import DeadChannelTreatment


def predict(
    model: Annotated[Path, typer.Argument(help="An ONNX file of 'xec export', or a checkpoint.")],
    inputs: Annotated[list[str], typer.Argument(help="ROOT files, folders or patterns, real data included.")],
    output: FileOrFolder,
    tasks: Annotated[
        list[str] | None,
        typer.Option(help="Only these tasks of the network; may be repeated, or a list with commas."),
    ] = None,
    branches: Annotated[
        list[str] | None,
        typer.Option(help="Copy these branches of the inputs, too; may be repeated, or a list with commas."),
    ] = None,
    dead: Annotated[
        list[str] | None,
        typer.Option(
            help="Sensors known as dead, whose readings do not enter the network: a text file, a ROOT file "
            "with a branch 'dead', a database's URL, or a YAML file that describes one; may be repeated.",
        ),
    ] = None,
    recover: Annotated[
        list[str] | None,
        typer.Option(
            metavar="none|average|solid-angle|light-map|inpaint=MODEL",
            help="What stands in for the readings of sensors known as dead (by --dead, or by the branch "
            "'dead' of the inputs); with several each has columns of its own: pred_energy_raw, "
            "pred_energy_average, … May be repeated, or a list with commas.",
        ),
    ] = None,
    provider: Provider = "auto",
    keep_going: Annotated[
        bool,
        typer.Option(
            "--keep-going",
            help="With a folder: go on with the other files where one fails, and tell at the end which did "
            "and why (exit code 2).",
        ),
    ] = False,
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
    dump_inputs: DumpInputs = None,
    dump_events: DumpEvents = 64,
    accept_range: AcceptRange = False,
    force: Force = False,
) -> None:
    """Predict the events of ROOT files.

    The output has pred_<quantity> (and sigma_<quantity> where the network
    knows its uncertainty) beside run, event, and whatever truth or
    conventional reconstruction the inputs have; where the truth is known
    true_<quantity> and opening_angle, too. Inputs without run and event
    numbers give a running number 'entry' instead. What is finished, of the
    same model and input, is not made again: the same command goes on.
    """
    from xec_export.errors import ExportError
    from xec_export.prediction.folder import is_folder
    from xec_export.prediction.mirrored import MirroredPredictor
    from xec_export.prediction.options import PredictionOptions
    from xec_export.prediction.positions import check_positions
    from xec_export.prediction.predictor import open_predictor

    predictor: Predictor = open_predictor(
        model, batch_size=batch, threads=threads, provider=provider, tasks=listed(tasks)
    )
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
    options = PredictionOptions(
        tree_name=tree,
        npho_branch=npho_branch,
        time_branch=time_branch,
        angle_unit=angle_unit,
        branches=listed(branches) or (),
        accept_range=accept_range,
        dead_channels=_treatment(dead, recover, geometry, tree),
    )
    if not is_folder(output):
        if keep_going:
            raise ExportError(
                f"--keep-going: {output} would lack the events of files that fail; expected a folder as the "
                "output, for a file of each input"
            )
        _into_one(predictor, inputs, Path(output), options, force, dump_inputs, dump_events)
    elif dump_inputs is not None:
        raise ExportError("--dump-inputs goes with one output; expected the name of a file behind -o")
    else:
        _into_folder(predictor, inputs, Path(output), options, force, keep_going)


def _treatment(
    dead: list[str] | None, recover: list[str] | None, geometry: str | None, tree: str
) -> DeadChannelTreatment | None:
    from xec_export.recovery.treatment import DeadChannelTreatment

    if dead is None and recover is None:
        return None
    return DeadChannelTreatment(
        listed(recover) or (), dead or (), geometry=geometry or "nominal", tree_name=tree
    )


def _into_one(
    predictor: Predictor,
    inputs: list[str],
    output: Path,
    options: PredictionOptions,
    force: bool,
    dump: Path | None,
    dump_events: int,
) -> None:
    from xec_data.reading.file_paths import find_files
    from xec_export.commands.messages import print_prediction
    from xec_export.commands.progress import events_progress
    from xec_export.output.origin import described, differences
    from xec_export.prediction.files import predict_files
    from xec_geometry.support.output import check_output

    files = find_files(list(inputs))
    origin = options.origin(predictor, files)
    different = None if force else differences(output, origin)
    if different == [] and dump is None:
        print(f"{output} is there already, complete, of the same model and inputs (--force makes it again)")
        return
    protected = [*options.files(predictor), *files]
    check_output(output, inputs=protected, force=force, standing=described(different))
    if dump is not None:
        check_output(dump, inputs=protected, force=force)
    with events_progress("predict") as progress:
        report = predict_files(
            predictor,
            files,
            output,
            options=options,
            progress=progress.update,
            dump=dump,
            dump_events=dump_events,
        )
    print_prediction(report, predictor)


def _into_folder(
    predictor: Predictor,
    inputs: list[str],
    folder: Path,
    options: PredictionOptions,
    force: bool,
    keep_going: bool,
) -> None:
    from xec_export.commands.messages import ManyFiles, print_folder
    from xec_export.commands.progress import events_progress
    from xec_export.prediction.folder import FolderProgress, predict_folder
    from xec_geometry.cli.exit_codes import USER_ERROR

    with events_progress("predict") as progress:

        def told(state: FolderProgress) -> None:
            label = f"{state.file.name} ({state.number} of {state.n_files})"
            progress.update(state.done, state.total, label)

        report = predict_folder(
            predictor,
            inputs,
            folder,
            options=options,
            force=force,
            keep_going=keep_going,
            progress=told,
            finished=ManyFiles(predictor, progress.console).print,
        )
    print_folder(report)
    if report.failed:
        raise typer.Exit(USER_ERROR)
