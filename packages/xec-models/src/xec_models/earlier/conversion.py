"""From a checkpoint of the earlier system ``xec-ml-wl`` to one of xec, with the same numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from xec_data.normalization.transforms import NormalizationConfig
from xec_data.tasks.table import TASKS
from xec_geometry import geometry_hash
from xec_geometry.errors import did_you_mean
from xec_models.checkpoint.checkpoint import FORMAT_VERSION, build_model, package_versions
from xec_models.config.network import AutoencoderConfig, ModelConfig, TaskConfig, enabled_tasks
from xec_models.earlier.files import SYSTEM, EarlierFile, read_earlier
from xec_models.errors import CheckpointError
from xec_models.losses import uncertainty_loss

ANGLE_UNITS = {"deg": 1.0, "rad": 180.0 / math.pi}

# Parts of the earlier names -> ours, the first that fits.
ENCODER_NAMES = {"pos_embed": "position.embedding", "fusion_transformer.": "fusion."}
DECODER_NAMES = {"dec_bot.": "bottom", "dec_outer_center.": "outer_center"}
HEADS = "heads."
OUTER_COARSE = "outer_coarse"
NORMALIZATION_KEYS = ("npho_scale", "npho_scale2", "time_scale", "time_shift", "sentinel_time")
BRANCH_KEYS = ("npho_branch", "time_branch")


@dataclass(frozen=True)
class Conversion:
    """A converted checkpoint and what was done.

    Attributes
    ----------
    checkpoint
        For `save_checkpoint`.
    found, notes
        What the file holds; what was taken otherwise than it stands there. A line each.
    n_taken
        Number of parameter tensors.
    """

    checkpoint: dict[str, Any]
    found: tuple[str, ...]
    notes: tuple[str, ...]
    n_taken: int


def convert_checkpoint(
    path: str | Path, *, angle_unit: str = "deg", npho_threshold: float | None = None
) -> Conversion:
    """Convert a regressor or a masked autoencoder of the earlier system.

    Parameters
    ----------
    path
        A checkpoint of ``xec-ml-wl``.
    angle_unit
        Unit of ``emiAng`` in the files that it was trained on, ``deg`` or ``rad``: outputs become
        degrees. The file does not say it.
    npho_threshold
        Photons below which a sensor's time counts as invalid; None: the usual number.

    Returns
    -------
    Conversion
        A checkpoint whose network gives the numbers of the original, on normalized inputs.

    Raises
    ------
    CheckpointError
        If the file is no such checkpoint, its settings are incomplete, or its parameters are not those
        of a network with these settings.
    """
    if angle_unit not in ANGLE_UNITS:
        raise CheckpointError(
            f"angle unit '{angle_unit}'{did_you_mean(angle_unit, ANGLE_UNITS)}: expected deg or rad"
        )
    earlier = read_earlier(path)
    notes: list[str] = []
    config: dict[str, Any] = {
        "model": _model(earlier, notes),
        "normalization": _normalization(earlier, npho_threshold, notes),
        "data": {key: str(earlier.config[key]) for key in BRANCH_KEYS if earlier.config.get(key)},
    }
    states = {"model": earlier.state, "ema_model": earlier.averaged}
    if earlier.kind == "regressor":
        config["tasks"] = _tasks(earlier, angle_unit, notes)
    checkpoint: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "kind": earlier.kind,
        "config": config,
        "normalization": config["normalization"],
        "layout": SYSTEM,
        "geometry_hash": geometry_hash(SYSTEM),
        "versions": package_versions(),
        "epoch": earlier.epoch,
        "converted_from": SYSTEM,
    }
    for key, state in states.items():
        checkpoint[key] = None if state is None else _renamed(earlier, state, config, angle_unit)
    if earlier.kind == "mae":
        _add_missing_centre(checkpoint, notes)
    evaluated = checkpoint["ema_model"] or checkpoint["model"]
    build_model({**checkpoint, "model": evaluated}, source=str(path))
    if earlier.averaged is not None:
        build_model(checkpoint, prefer_ema=False, source=str(path))
    notes += _leftovers(earlier, config)
    return Conversion(checkpoint, tuple(_found(earlier)), tuple(notes), len(evaluated))


def _model(earlier: EarlierFile, notes: list[str]) -> dict[str, Any]:
    state, prefix, stated = earlier.state, earlier.prefix, earlier.config
    position = state.get(f"{prefix}pos_embed")
    if position is None:
        raise CheckpointError(
            f"{earlier.path}: '{prefix}pos_embed' missing, expected (1, tokens, encoder_dim)"
        )
    layers = {name.split(".")[3] for name in state if name.startswith(f"{prefix}fusion_transformer.layers.")}
    model: dict[str, Any] = {
        "outer_mode": stated.get("outer_mode") or ("split" if position.shape[1] > 6 else "finegrid"),
        "outer_fine_pool": stated.get("outer_fine_pool"),
        "encoder_dim": position.shape[-1],
        "num_fusion_layers": len(layers),
        "layout": SYSTEM,
    }
    feedforward = state.get(f"{prefix}fusion_transformer.layers.0.linear1.bias")
    if feedforward is not None and len(feedforward) != 4 * position.shape[-1]:
        model["dim_feedforward"] = len(feedforward)
    if model["outer_mode"] == "split" and model["outer_fine_pool"] is not None:
        notes.append(f"outer_fine_pool {model['outer_fine_pool']} has no effect with outer_mode split: null")
        model["outer_fine_pool"] = None
    if isinstance(model["outer_fine_pool"], int):
        model["outer_fine_pool"] = [model["outer_fine_pool"]] * 2
    notes += [
        f"{key} is {stated[key]} in its settings, {model[key]} by its parameters: the latter"
        for key in ("encoder_dim", "num_fusion_layers")
        if stated.get(key) not in (None, model[key])
    ]
    kind: type[ModelConfig] = ModelConfig
    if earlier.kind == "mae":
        kind = AutoencoderConfig
        model |= _decoders(earlier)
    else:
        hidden = next((value for name, value in state.items() if _is_first_bias(name)), None)
        if hidden is not None:
            model["hidden_dim"] = len(hidden)
    try:
        return kind.model_validate(model).model_dump(mode="json")
    except ValidationError as error:
        raise CheckpointError(_invalid(earlier, error)) from error


def _decoders(earlier: EarlierFile) -> dict[str, Any]:
    first, last = (earlier.state.get(f"dec_inner.decoder.{i}.bias") for i in (0, 6))
    if first is None or last is None:
        raise CheckpointError(f"{earlier.path}: 'dec_inner.decoder.0.bias' or '.6.bias' missing")
    decoders = {"decoder_dim": len(first), "predict_channels": ["npho", "time"][: len(last)]}
    if earlier.config.get("mask_ratio") is not None:
        decoders["mask_ratio"] = earlier.config["mask_ratio"]
    return decoders


def _normalization(earlier: EarlierFile, threshold: float | None, notes: list[str]) -> dict[str, Any]:
    stated = earlier.config
    missing = [key for key in NORMALIZATION_KEYS if stated.get(key) is None]
    if missing:
        raise CheckpointError(
            f"{earlier.path}: its settings have no {', '.join(missing)}; without them raw readings cannot be "
            "brought to the scale that it was trained on"
        )
    values: dict[str, Any] = {key: stated[key] for key in NORMALIZATION_KEYS}
    for key, usual in (("npho_scheme", "log1p"), ("sentinel_npho", stated["sentinel_time"])):
        values[key] = stated.get(key)
        if values[key] is None:
            values[key] = usual
            notes.append(f"{key} is not in its settings: {usual} taken")
    threshold = stated.get("npho_threshold") if threshold is None else threshold
    if threshold is not None:
        values["npho_threshold"] = threshold
    try:
        normalization = NormalizationConfig.model_validate(values).model_dump(mode="json")
    except ValidationError as error:
        raise CheckpointError(_invalid(earlier, error)) from error
    if threshold is None:
        notes.append(
            f"npho_threshold is not in its settings: {normalization['npho_threshold']:g} photons taken "
            "(--npho-threshold for another)"
        )
    return normalization


def _tasks(earlier: EarlierFile, angle_unit: str, notes: list[str]) -> dict[str, Any]:
    there = dict.fromkeys(name.split(".")[1] for name in earlier.state if name.startswith(HEADS))
    active = earlier.config.get("active_tasks")
    if active is None:
        notes.append("active_tasks is not in its settings: all heads taken")
        active = list(there)
    active = [active] if isinstance(active, str) else list(active)
    for name in active:
        if name not in TASKS or name not in there:
            raise CheckpointError(
                f"{earlier.path}: active task '{name}'{did_you_mean(name, there)} has no head; "
                f"found heads of {', '.join(there) or 'nothing'}, tasks of xec are {', '.join(TASKS)}"
            )
    uncertain = set(earlier.config.get("nll_tasks") or ())
    tasks = {}
    for name in active:
        spec, outputs = TASKS[name], len(earlier.state[f"{HEADS}{name}.6.bias"])
        doubled = outputs == 2 * spec.n_outputs
        if (name in uncertain) != doubled:
            notes.append(
                f"nll_tasks {'names' if name in uncertain else 'does not name'} {name}, whose head has "
                f"{outputs} outputs: {'with' if doubled else 'without'} an uncertainty"
            )
        likelihood = uncertainty_loss(spec)
        if doubled and likelihood is None:
            notes.append(f"{name}: xec predicts no uncertainty of it; its log variances are dropped")
            doubled = False
        tasks[name] = TaskConfig(loss_fn=likelihood if doubled else None)
    if "angle" in tasks:
        effect = "its outputs are taken as they are" if angle_unit == "deg" else "its outputs become degrees"
        notes.append(
            f"angles: trained on emiAng in {angle_unit} (--angle-unit; the file does not say): {effect}"
        )
    if "n_gamma" in tasks:
        notes.append("n_gamma: xec gives probabilities, the softmax of the earlier outputs")
    return {name: task.model_dump(mode="json") for name, task in enabled_tasks(tasks).items()}


def _renamed(
    earlier: EarlierFile, state: Mapping[str, Tensor], config: Mapping[str, Any], angle_unit: str
) -> dict[str, Tensor]:
    tasks = config.get("tasks", {})
    new = {}
    for name, value in state.items():
        ours = _our_name(earlier, name, config["model"]["outer_mode"])
        if ours is None or (ours.startswith(HEADS) and ours.split(".")[1] not in tasks):
            continue
        # A copy: averaged and shared tensors may be views of larger ones.
        new[ours] = value.detach().to(torch.float32).clone()
    for name, task in tasks.items():
        spec = TASKS[name]
        if not TaskConfig.model_validate(task).predicts_uncertainty:
            for part in ("weight", "bias"):
                last = f"{HEADS}{name}.6.{part}"
                if last in new:
                    new[last] = new[last][: spec.n_outputs].clone()
        scale = ANGLE_UNITS[angle_unit] if name == "angle" else 1.0
        new[f"targets.{name}.shift"] = torch.zeros(spec.n_outputs)
        new[f"targets.{name}.scale"] = torch.full((spec.n_outputs,), scale)
    return new


def _our_name(earlier: EarlierFile, name: str, outer_mode: str) -> str | None:
    if name.startswith(earlier.prefix):
        inside = name.removeprefix(earlier.prefix)
        for start, ours in ENCODER_NAMES.items():
            if inside.startswith(start):
                return f"encoder.{ours}{inside.removeprefix(start)}"
        return f"encoder.{inside}"
    if name.startswith("dec_"):
        start = name.split(".")[0] + "."
        face = DECODER_NAMES.get(start, start[len("dec_") : -1])
        face = OUTER_COARSE if face == "outer" and outer_mode == "split" else face
        return f"decoders.{face}.{name.removeprefix(start)}"
    return name if name.startswith(HEADS) else None


def _add_missing_centre(checkpoint: dict[str, Any], notes: list[str]) -> None:
    """The earlier autoencoder had no decoder of the centre patch beside the coarse map."""
    start = "decoders.outer_center."
    states = [checkpoint[key] for key in ("model", "ema_model") if checkpoint[key]]
    if checkpoint["config"]["model"]["outer_mode"] != "split" or any(n.startswith(start) for n in states[0]):
        return
    from xec_models.reconstruction.autoencoder import XECMaskedAutoencoder

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        fresh = XECMaskedAutoencoder.from_config(checkpoint["config"]).state_dict()
    for state in states:
        state.update({name: value for name, value in fresh.items() if name.startswith(start)})
    notes.append("no decoder of the outer centre patch in it: begun anew, untrained")


def _found(earlier: EarlierFile) -> list[str]:
    weights = "averaged (EMA) and last" if earlier.averaged is not None else "last (no EMA)"
    epoch = "" if earlier.epoch is None else f", epoch {earlier.epoch}"
    lines = [f"a {earlier.kind} of {SYSTEM}{epoch}; weights: {weights}"]
    if earlier.tables:
        lines.append(f"{len(earlier.tables)} tables of sensors and neighbours: those of the layout {SYSTEM}")
    return lines


def _leftovers(earlier: EarlierFile, config: Mapping[str, Any]) -> list[str]:
    heads = dict.fromkeys(name.split(".")[1] for name in earlier.state if name.startswith(HEADS))
    inactive = [name for name in heads if name not in config.get("tasks", {})]
    other = [name for name in earlier.state if _our_name(earlier, name, "") is None] + list(earlier.counters)
    lines = [f"not taken, heads of inactive tasks: {', '.join(inactive)}"] if inactive else []
    return lines + ([f"not taken: {', '.join(dict.fromkeys(other))}"] if other else [])


def _is_first_bias(name: str) -> bool:
    return name.startswith(HEADS) and name.endswith(".0.bias")


def _invalid(earlier: EarlierFile, error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{earlier.path}: its settings: {'.'.join(map(str, first['loc']))}: {first['msg']}"
