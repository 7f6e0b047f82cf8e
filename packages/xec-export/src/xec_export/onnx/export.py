"""Export of a checkpoint: load, describe, write, compare, and only then rename the file."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from xec_export.errors import ExportError
from xec_export.formats.table import EXPORT_FORMATS, ONNX
from xec_export.forms.form import ExportOptions
from xec_export.forms.table import build_exportable
from xec_export.onnx.description import ModelDescription
from xec_export.onnx.graph import DEFAULT_OPSET, check_opset
from xec_export.onnx.parity import TOLERANCE, ParityError, ParityReport, Predict, compare
from xec_export.onnx.parity_events import choose_events
from xec_export.onnx.standing import check_standing
from xec_export.precision.loss import LossError, LossReport, read_true_events
from xec_export.precision.reduction import reduce_precision
from xec_export.precision.table import FULL, PRECISIONS
from xec_export.prediction.model_file import check_model_file
from xec_geometry.support.output import atomic_output, check_writable
from xec_models.checkpoint.reading import read_checkpoint
from xec_models.checkpoint.run_directory import RunDirectory


@dataclass(frozen=True)
class ExportReport:
    """Result of an export.

    Attributes
    ----------
    onnx, json
        The exported network, in ONNX unless another format was asked for, and its description.
    description
        Description of the network.
    parity
        The comparison with torch.
    n_parameters
        Parameters of the network.
    n_bytes
        Size of the exported network.
    seconds
        Duration of the export, including the comparison.
    loss
        The widths of the graph of lower precision, and of that in float32.
    replaced
        What stood under the default name, if it was another export; else empty.
    """

    onnx: Path
    json: Path
    description: ModelDescription
    parity: ParityReport
    n_parameters: int
    n_bytes: int
    seconds: float
    loss: LossReport | None = None
    replaced: str = ""


def export_checkpoint(
    checkpoint: str | Path,
    output: str | Path | None = None,
    *,
    data: Sequence[str | Path] | None = None,
    tolerance: float = TOLERANCE,
    opset: int = DEFAULT_OPSET,
    mirror: bool = False,
    tasks: Sequence[str] | None = None,
    encoder: bool = False,
    precision: str = FULL,
    events: Sequence[str | Path] | None = None,
    accept_loss: bool = False,
    format_name: str = ONNX,
    force: bool = False,
) -> ExportReport:
    """Export a checkpoint to an ONNX file, and keep it only if its predictions are the network's.

    Parameters
    ----------
    checkpoint
        A checkpoint written by `xec train`.
    output
        The ONNX file; by default `default_output` of the checkpoint. A description as JSON is written
        beside it.
    data
        Files with events for the comparison; by default the validation files of the training, and if
        they are gone, simulated events.
    tolerance
        The largest difference allowed, as a fraction of the spread of each prediction.
    opset
        The ONNX operator set.
    mirror
        Whether the graph averages its predictions over the event and its reflections, see
        `xec_models.MirrorAverage`; it then computes four times as much.
    tasks
        The tasks that the graph predicts; by default all.
    encoder
        Whether to export the encoder alone, of a network of any kind: its tokens.
    precision
        Of the products with weights, a name of `PRECISIONS`.
    events
        Files with truth on which the loss of a lower precision is measured.
    accept_loss
        Whether a graph is kept whose 68 % widths are larger than those in float32 by more than 1 %.
    format_name
        The form of the file, a name of `EXPORT_FORMATS`.
    force
        Whether a file under the default name is replaced, too, that is no export of this checkpoint; one
        under a name that was given always is.

    Returns
    -------
    ExportReport
        Files and differences.

    Raises
    ------
    ExportError, CheckpointError, DataError, OutputError
        If a file cannot be read or written.
    ParityError
        If a difference exceeds the tolerance. Nothing is written then.
    LossError
        If a lower precision costs too much. Nothing is written then.
    """
    start = time.monotonic()
    checkpoint = Path(checkpoint)
    check_model_file(checkpoint)
    form = EXPORT_FORMATS.get_named(format_name, "--format: ")
    onnx_path = check_writable(output if output is not None else default_output(checkpoint, form.suffix))
    if onnx_path.suffix != form.suffix:
        raise ExportError(f"cannot write {onnx_path}: expected a name that ends in {form.suffix}")
    if not tolerance > 0:
        raise ExportError(f"tolerance {tolerance}: expected a number above 0")
    check_opset(opset)

    contents = read_checkpoint(checkpoint)
    PRECISIONS.get_named(precision, "--precision: ")
    if precision != FULL and form.name != ONNX:
        raise ExportError(f"--precision {precision}: only for --format {ONNX}")
    if precision != FULL and not events:
        raise ExportError(
            f"--precision {precision}: its loss is measured on events with truth; expected --events FILE"
        )
    options = ExportOptions(mirror, None if tasks is None else tuple(tasks), encoder, precision)
    exportable = build_exportable(contents, checkpoint, options)
    network = exportable.network
    description = dataclasses.replace(exportable.description, opset=opset if form.has_opset else None)
    asked = dataclasses.replace(description, precision=precision)
    replaced = check_standing(onnx_path, asked, force=force) if output is None else ""
    files = contents.config.files
    compared = choose_events(data, files, description)
    true_events = (
        read_true_events(events, files.tree_name, description) if events and precision != FULL else None
    )

    json_path = form.json_of(onnx_path)
    loss: LossReport | None = None
    with atomic_output(onnx_path) as temporary:
        products = form.write(network, description, temporary)
        try:
            parity = compare(torch_predict(network), form.open(temporary), description, compared, tolerance)
            if true_events is not None and parity.passed:
                description, loss = reduce_precision(
                    temporary, products, description, precision, true_events, accept_loss=accept_loss
                )
        except LossError as error:
            raise LossError(str(error).replace(str(temporary), str(onnx_path)), error.report) from error
        except ExportError as error:
            # The user does not know the temporary name.
            raise ExportError(str(error).replace(str(temporary), str(onnx_path))) from error
        if not parity.passed:
            raise ParityError(_failure(parity, onnx_path), parity)
        n_bytes = temporary.stat().st_size
        with atomic_output(json_path) as temporary_json:
            temporary_json.write_text(_description_text(onnx_path, description, parity))
    return ExportReport(
        onnx=onnx_path,
        json=json_path,
        description=description,
        parity=parity,
        n_parameters=sum(parameter.numel() for parameter in network.parameters()),
        n_bytes=n_bytes,
        seconds=time.monotonic() - start,
        loss=loss,
        replaced=replaced,
    )


def default_output(checkpoint: Path, suffix: str = ".onnx") -> Path:
    """Return the name of the exported file: ``<run>.onnx`` of a run's best checkpoint, else beside it."""
    run = RunDirectory(checkpoint.parent)
    of_run = run.has_results and checkpoint.name == run.checkpoint_best.name
    return (run.onnx if of_run else checkpoint).with_suffix(suffix)


def torch_predict(network: nn.Module, device: str = "cpu") -> Predict:
    """Wrap a network on a device as a function of arrays."""

    def predict(*inputs: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        with torch.inference_mode():
            outputs = network(*(torch.from_numpy(values).to(device) for values in inputs))
        return {name: values.float().cpu().numpy() for name, values in outputs.items()}

    return predict


def _failure(parity: ParityReport, path: Path) -> str:
    worst = parity.worst
    return (
        f"{path} is not kept: {worst.column} differs from torch by {worst.absolute:.2g} {worst.unit}, "
        f"{worst.relative:.2g} of its spread ({worst.case}); allowed is {parity.tolerance:g}"
    )


def _description_text(path: Path, description: ModelDescription, parity: ParityReport) -> str:
    content: dict[str, Any] = {"file": path.name, **description.to_dict()}
    content["parity"] = {
        "events": parity.source,
        "tolerance": parity.tolerance,
        "largest_differences": [
            dataclasses.asdict(difference) | {"relative": difference.relative}
            for difference in parity.differences
        ],
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
