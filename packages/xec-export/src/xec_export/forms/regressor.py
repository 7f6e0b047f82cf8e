"""Regressors: physical quantities from raw readings."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch

from xec_data.tasks.table import TASKS
from xec_data.tasks.task import Task
from xec_export.errors import ExportError
from xec_export.forms.form import Exportable, ExportOptions
from xec_export.onnx.description import ModelDescription, OutputDescription
from xec_export.onnx.network import describe
from xec_geometry import N_SENSORS
from xec_models.checkpoint.building import build_model
from xec_models.checkpoint.content import Checkpoint
from xec_models.checkpoint.reading import read_checkpoint
from xec_models.regressor.mirrored import MirrorAverage
from xec_models.regressor.predictions import SIGMA_SUFFIX
from xec_models.regressor.regressor import XECRegressor


def build_regressor(checkpoint: Checkpoint, path: Path, options: ExportOptions) -> Exportable:
    """Build the regressor of a checkpoint, with its description."""
    network, description = describe_and_build(checkpoint, path)
    description = description.only(options.tasks, str(path))
    if options.mirror:
        # What was validated is the network without the average.
        description = dataclasses.replace(description, mirror_average=True, resolution={})
        return Exportable(MirrorAverage(network), description)
    return Exportable(network, description)


def load_described(path: str | Path, device: str = "cpu") -> tuple[XECRegressor, ModelDescription]:
    """Load the network of a checkpoint, with its moving-average weights if there are any.

    Parameters
    ----------
    path
        A checkpoint written by `xec train`.
    device
        Where to put the network.

    Returns
    -------
    XECRegressor
        The network in evaluation mode.
    ModelDescription
        What it is.

    Raises
    ------
    CheckpointError
        If the file is no checkpoint, or truncated.
    ExportError
        If the network is of a kind that gives no predictions for an event.
    """
    path = Path(path)
    return describe_and_build(read_checkpoint(path), path, device)


def describe_and_build(
    checkpoint: Checkpoint, path: Path, device: str = "cpu"
) -> tuple[XECRegressor, ModelDescription]:
    """Do the same with the content of a checkpoint that has been read; see `load_described`."""
    if checkpoint.kind != XECRegressor.kind:
        raise ExportError(
            f"{path}: a checkpoint of kind '{checkpoint.kind}'; expected kind '{XECRegressor.kind}', which "
            "'xec train' makes with objective: regression"
        )
    network = build_model(checkpoint, source=str(path), kind=XECRegressor).to(device)
    return network, describe(checkpoint, network, path, _outputs(network))


def _outputs(network: XECRegressor) -> tuple[OutputDescription, ...]:
    # Asking the network is surer than repeating how it derives its outputs from its configuration.
    device = next(network.parameters()).device
    nothing = torch.zeros(1, N_SENSORS, device=device)
    with torch.inference_mode():
        outputs = network(nothing, nothing)
    return tuple(_output(network, name, values.shape[1]) for name, values in outputs.items())


def _output(network: XECRegressor, name: str, width: int) -> OutputDescription:
    task = name.removesuffix(SIGMA_SUFFIX)
    spec = TASKS[task]
    meaning = spec.meaning
    # The columns of a classification are the probabilities of its classes.
    columns = (
        tuple(f"{spec.output_names[0]}_{i}" for i in range(width)) if spec.n_classes else spec.output_names
    )
    if name != task:
        columns = tuple(f"sigma_{column}" for column in columns)
        meaning = f"standard deviation: {meaning}"
    units = spec.units if len(set(spec.units)) > 1 else ()
    class_name = spec.output_names[0] if spec.n_classes else ""
    return OutputDescription(
        name, task, columns, spec.unit, _scale(network, spec), meaning, units, class_name
    )


def _scale(network: XECRegressor, spec: Task) -> tuple[float, ...]:
    if spec.n_classes or spec.unit_vector:
        return (1.0,) * spec.n_outputs
    target = network.target_scale(spec.name)
    scale = target.scale.double()
    if target.log_transform:
        # The width of a logarithm is a fraction of the value.
        scale = scale * target.shift.double().exp()
    return tuple(scale.tolist())
