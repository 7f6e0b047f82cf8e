"""The description of a network in a checkpoint."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from xec_export.forms.inputs import READINGS
from xec_export.forms.resolution import validated_resolution
from xec_export.onnx.description import ModelDescription, OutputDescription
from xec_geometry import N_SENSORS, geometry_hash
from xec_geometry.detector.names import check_layout
from xec_models.checkpoint.content import Checkpoint
from xec_models.checkpoint.run_directory import RunDirectory
from xec_models.encoder.network import Network

_EXPORT_PACKAGES = ("xec-export", "xec-models", "torch", "onnx", "onnxscript")


def describe(
    checkpoint: Checkpoint,
    network: Network,
    path: Path,
    outputs: tuple[OutputDescription, ...],
    *,
    inputs: tuple[str, ...] = READINGS,
    kind: str | None = None,
) -> ModelDescription:
    """Describe a network for its users.

    Parameters
    ----------
    checkpoint
        The checkpoint.
    network
        The network built from it.
    path
        Where the checkpoint stands; a run directory gives the network its name.
    outputs
        What it gives.
    inputs
        What it takes, names of `GRAPH_INPUTS`.
    kind
        What it is; by default the kind of the checkpoint.
    """
    files, origin = checkpoint.config.files, checkpoint.provenance
    run = RunDirectory(path.parent)
    return ModelDescription(
        kind=kind or checkpoint.kind,
        name=run.name if run.has_results else path.stem,
        outputs=outputs,
        inputs=inputs,
        npho_branch=files.npho_branch,
        time_branch=files.time_branch,
        n_sensors=N_SENSORS,
        layout=origin.layout,
        geometry_hash=origin.geometry_hash,
        geometry=checkpoint.config.geometry_source,
        nominal_hash="" if network.geometry.is_nominal else geometry_hash(check_layout(origin.layout)),
        normalization=network.normalization.model_dump(mode="json"),
        versions=dict(origin.versions),
        export_versions=_installed_versions(),
        epoch=checkpoint.epoch,
        resolution=validated_resolution(run, path) if kind is None else {},
        input_range={name: list(limits) for name, limits in checkpoint.inputs.items()},
        weights="ema" if checkpoint.weights.averaged else "model",
        git_revision=origin.git_revision or "",
    )


def _installed_versions() -> dict[str, str]:
    versions = {}
    for package in _EXPORT_PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions
