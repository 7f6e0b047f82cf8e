"""Writer of checkpoint files."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from xec_geometry import SensorTable, geometry_hash
from xec_geometry.detector.geometry_file import NOMINAL
from xec_geometry.detector.names import check_layout
from xec_geometry.detector.survey import nominal_table
from xec_models.checkpoint.content import (
    FORMAT_VERSION,
    Checkpoint,
    Configuration,
    NetworkWeights,
    OutputLabel,
    ProcessState,
    Provenance,
    TrainingState,
)
from xec_models.checkpoint.geometry import geometry_to_plain
from xec_models.checkpoint.kinds import MODEL_KINDS
from xec_models.checkpoint.outputs import output_labels
from xec_models.checkpoint.plain import save_plain
from xec_models.errors import CheckpointError

_PACKAGES = ("xec-geometry", "xec-data", "xec-models", "xec-train", "torch", "torch-geometric", "numpy")


def new_checkpoint(
    kind: str,
    config: Mapping[str, Any],
    weights: NetworkWeights,
    *,
    epoch: int | None = None,
    training: TrainingState | None = None,
    git_revision: str | None = None,
    mlflow_run_id: str | None = None,
    converted_from: str | None = None,
    inputs: Mapping[str, tuple[float, float]] | None = None,
    geometry: SensorTable | None = None,
) -> Checkpoint:
    """Describe a network of the installed packages, ready for `save_checkpoint`.

    Parameters
    ----------
    kind
        Kind of the network, a name in `MODEL_KINDS`.
    config
        Plain values by section, ``model`` and ``normalization`` among them.
    weights
        Parameters of the network.
    epoch, training, git_revision, mlflow_run_id, converted_from, inputs
        As in `Checkpoint` and its parts.
    geometry
        Where the sensors of the network stand, its `geometry`; nominal by default.

    Raises
    ------
    CheckpointError
        If the configuration names an as-built geometry, and none is given.
    """
    configuration = Configuration(config)
    if geometry is None and configuration.geometry_source != NOMINAL:
        raise CheckpointError(
            f"no positions for a network whose configuration says geometry: {configuration.geometry_source}"
        )
    table = nominal_table() if geometry is None else geometry
    provenance = Provenance(
        layout=configuration.layout,
        geometry_hash=geometry_hash(check_layout(configuration.layout), table),
        versions=package_versions(),
        git_revision=git_revision,
        mlflow_run_id=mlflow_run_id,
        converted_from=converted_from,
    )
    labels = output_labels(configuration.enabled_tasks)
    return Checkpoint(
        kind,
        configuration,
        weights,
        provenance,
        labels,
        epoch,
        training,
        inputs=dict(inputs or {}),
        geometry=table,
    )


def save_checkpoint(path: str | Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint; the file appears under its name when it is complete.

    Raises
    ------
    CheckpointError
        If the kind of network does not exist, or a value is something that `read_checkpoint` would refuse.
    OutputError
        If the file cannot be written.
    """
    if checkpoint.kind not in MODEL_KINDS:
        raise CheckpointError(f"cannot write {path}: {MODEL_KINDS.unknown(checkpoint.kind)}")
    save_plain(path, to_plain(checkpoint))


def to_plain(checkpoint: Checkpoint) -> dict[str, Any]:
    """Convert a checkpoint to tensors and plain values, as the file holds them."""
    provenance, weights = checkpoint.provenance, checkpoint.weights
    content: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "kind": checkpoint.kind,
        "config": dict(checkpoint.config.sections),
        "normalization": dict(checkpoint.config.section("normalization")) or None,
        "layout": provenance.layout,
        "geometry_hash": provenance.geometry_hash,
        "versions": dict(provenance.versions),
        "git_revision": provenance.git_revision,
        "mlflow_run_id": provenance.mlflow_run_id,
        "outputs": {task: [_plain_label(label) for label in of] for task, of in checkpoint.outputs.items()},
        "model": dict(weights.model),
        "ema_model": None if weights.averaged is None else dict(weights.averaged),
        "sigma_factors": {task: list(factors) for task, factors in weights.sigma_factors.items()},
        "residual_factors": {task: list(factors) for task, factors in weights.residual_factors.items()},
        "epoch": checkpoint.epoch,
        "inputs": {name: list(limits) for name, limits in checkpoint.inputs.items()},
    }
    if provenance.converted_from is not None:
        content["converted_from"] = provenance.converted_from
    geometry = geometry_to_plain(checkpoint.geometry)
    if geometry is not None:
        content["geometry"] = geometry
    if checkpoint.training is not None:
        content |= _plain_training(checkpoint.training)
    return content


def _plain_label(label: OutputLabel) -> dict[str, str]:
    return {"name": label.name, "unit": label.unit, "symbol": label.symbol}


def _plain_training(training: TrainingState) -> dict[str, Any]:
    own = _plain_process(training.own)
    content = {
        "ema_updates": training.average_updates,
        "optimizer": dict(training.optimizer),
        "scheduler": dict(training.scheduler),
        "scaler": dict(training.scaler),
        "rng": own["rng"],
        "step": training.step,
        "best_value": training.best_value,
        "bad_steps": [training.bad_steps, training.bad_steps_in_a_row],
        "largest_gradient": training.largest_gradient,
        "timing": dict(training.timing),
        "sampler": {"batch": training.sampler.batch, **own["means"], **training.sampler.order},
        "objective": dict(training.objective),
        "ema_objective": None if training.averaged_objective is None else dict(training.averaged_objective),
    }
    if training.processes:
        content["processes"] = [_plain_process(process) for process in training.processes]
    return content


def _plain_process(process: ProcessState) -> dict[str, Any]:
    return {
        "rng": {"torch": process.random.torch, "cuda": list(process.random.cuda)},
        "means": {"sums": dict(process.loss_sums), "n_events": process.n_events},
    }


def package_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that a network's numbers depend on."""
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions
