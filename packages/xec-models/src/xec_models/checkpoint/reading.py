"""Reader of checkpoint files, with those of earlier versions of the format."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from xec_geometry.support.text import shortened
from xec_models.checkpoint.content import (
    READABLE_VERSIONS,
    Checkpoint,
    Configuration,
    NetworkWeights,
    OutputLabel,
    ProcessState,
    Provenance,
    RandomState,
    SamplerState,
    State,
    TrainingState,
)
from xec_models.checkpoint.file_types import check_content, check_training
from xec_models.checkpoint.geometry import geometry_from_plain
from xec_models.checkpoint.outputs import output_labels
from xec_models.checkpoint.plain import load_plain
from xec_models.errors import CheckpointError

_REQUIRED = ("format_version", "kind", "config", "layout", "geometry_hash", "model")
# Without these a training cannot continue.
_CONTINUATION = ("optimizer", "scheduler", "sampler", "rng")
# Weights of losses: among the parameters of the network in format 1.
_LOSS_WEIGHTS = "log_variances."
_POSITION = ("batch", "sums", "n_events")


def read_checkpoint(path: str | Path, map_location: str | torch.device = "cpu") -> Checkpoint:
    """Read a checkpoint and check that it is one of ours.

    Parameters
    ----------
    path
        Name of the file.
    map_location
        Device of its tensors.

    Raises
    ------
    CheckpointError
        If there is no such file, it is no checkpoint, is truncated, holds pickled objects, comes from
        another system or a newer version, or has keys missing.
    """
    content = load_plain(Path(path), map_location)
    if not isinstance(content, dict):
        raise CheckpointError(
            f"{path} is no checkpoint: it holds a {type(content).__name__}, expected a dict"
        )
    if "model_state_dict" in content and "format_version" not in content:
        raise CheckpointError(
            f"{path} is a checkpoint of the earlier system xec-ml-wl (it has 'model_state_dict'); "
            f"expected one written by xec: convert it with xec convert {path} -o NEW.pth"
        )
    missing = [key for key in _REQUIRED if key not in content]
    if missing:
        raise CheckpointError(
            f"{path} is no checkpoint of xec: {', '.join(missing)} missing, found "
            f"{', '.join(map(str, list(content)[:8])) or 'nothing'}"
        )
    version = content["format_version"]
    if not isinstance(version, int) or version not in READABLE_VERSIONS:
        raise CheckpointError(
            f"{path} has the format version {shortened(str(version), 20)}, this version of xec-models reads "
            f"{' and '.join(map(str, READABLE_VERSIONS))}: use the version of xec that wrote it "
            f"({_writer(content)})"
        )
    check_content(content, str(path))
    lacking = tuple(name for name in _CONTINUATION if _is_empty(content.get(name)))
    if not lacking:
        check_training(content, str(path))
    return _checkpoint(content, lacking, str(path))


def _is_empty(value: object) -> bool:
    # A tensor in its place is an error that is told later.
    return value is None or (isinstance(value, Mapping) and not value)


def _writer(content: Mapping[str, Any]) -> str:
    versions = content.get("versions")
    ours = versions.get("xec-models") if isinstance(versions, Mapping) else None
    return Provenance("", "", {"xec-models": ours} if isinstance(ours, str) else {}).writer


def _checkpoint(content: Mapping[str, Any], missing: tuple[str, ...], source: str) -> Checkpoint:
    config = Configuration(
        content["config"]
        if content["config"].get("normalization")
        else {**content["config"], **_given(content, "normalization")}
    )
    return Checkpoint(
        kind=str(content["kind"]),
        config=config,
        weights=NetworkWeights(
            _of_network(content["model"]),
            _of_network(content.get("ema_model") or {}) or None,
            content.get("sigma_factors") or {},
            content.get("residual_factors") or {},
        ),
        provenance=_provenance(content),
        outputs=_outputs(content, config),
        epoch=content.get("epoch"),
        training=None if missing else _training(content),
        missing=missing,
        inputs={name: (low, high) for name, (low, high) in (content.get("inputs") or {}).items()},
        geometry=geometry_from_plain(content.get("geometry"), source),
    )


def _provenance(content: Mapping[str, Any]) -> Provenance:
    return Provenance(
        layout=str(content["layout"]),
        geometry_hash=str(content["geometry_hash"]),
        versions=content.get("versions") or {},
        git_revision=content.get("git_revision"),
        mlflow_run_id=content.get("mlflow_run_id"),
        converted_from=content.get("converted_from"),
        format_version=content["format_version"],
    )


def _outputs(content: Mapping[str, Any], config: Configuration) -> dict[str, tuple[OutputLabel, ...]]:
    # Files of version 1 do not state them.
    if "outputs" not in content:
        return output_labels(config.enabled_tasks)
    return {task: tuple(OutputLabel(**label) for label in of) for task, of in content["outputs"].items()}


def _training(content: Mapping[str, Any]) -> TrainingState:
    sampler = content["sampler"]
    bad_steps, in_a_row = content.get("bad_steps") or (0, 0)
    return TrainingState(
        optimizer=content["optimizer"],
        scheduler=content["scheduler"],
        scaler=content.get("scaler") or {},
        sampler=SamplerState(
            sampler["batch"], {name: value for name, value in sampler.items() if name not in _POSITION}
        ),
        own=_process({"rng": content["rng"], "means": sampler}),
        step=content["step"],
        best_value=content["best_value"],
        bad_steps=bad_steps,
        bad_steps_in_a_row=in_a_row,
        largest_gradient=content.get("largest_gradient", 0.0),
        timing=content.get("timing") or {},
        average_updates=content.get("ema_updates", 0),
        processes=tuple(_process(process) for process in content.get("processes") or ()),
        objective=content.get("objective") or _of_objective(content["model"]),
        averaged_objective=_averaged_objective(content),
    )


def _averaged_objective(content: Mapping[str, Any]) -> State | None:
    if not content.get("ema_model"):
        return None
    return content.get("ema_objective") or _of_objective(content["ema_model"])


def _of_network(state: State) -> dict[str, Tensor]:
    return {name: value for name, value in state.items() if not name.startswith(_LOSS_WEIGHTS)}


def _of_objective(state: State) -> dict[str, Tensor]:
    """Return the learned weights of losses, which are parameters of the network in format 1."""
    return {name: value for name, value in state.items() if name.startswith(_LOSS_WEIGHTS)}


def _process(content: Mapping[str, Any]) -> ProcessState:
    random, means = content["rng"], content["means"]
    return ProcessState(
        RandomState(random["torch"], random.get("cuda") or ()), means["sums"], means["n_events"]
    )


def _given(content: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {name: content[name]} if content.get(name) else {}
