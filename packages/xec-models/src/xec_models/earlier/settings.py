"""The configuration of a network of the earlier system, from its settings and its parameters."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from xec_data.normalization.transforms import NormalizationConfig
from xec_data.tasks.table import TASKS
from xec_geometry.errors import did_you_mean
from xec_models.config.network import AutoencoderConfig, ModelConfig, TaskConfig, enabled_tasks
from xec_models.earlier.files import SYSTEM, EarlierFile
from xec_models.errors import CheckpointError
from xec_models.losses.table import uncertainty_loss
from xec_models.regressor.heads import TaskHead, heads_of

NORMALIZATION_KEYS = ("npho_scale", "npho_scale2", "time_scale", "time_shift", "sentinel_time")
BRANCH_KEYS = ("npho_branch", "time_branch")


def configuration_of(
    earlier: EarlierFile, *, angle_unit: str, npho_threshold: float | None, notes: list[str]
) -> dict[str, Any]:
    """Derive the sections ``model``, ``normalization``, ``data`` and, for a regressor, ``tasks``.

    Parameters
    ----------
    earlier
        The file.
    angle_unit, npho_threshold
        As in `xec_models.earlier.conversion.convert_checkpoint`.
    notes
        Receives a line for every deviation from the settings, and for every assumption.

    Raises
    ------
    CheckpointError
        If settings are missing, or contradict the parameters.
    """
    config: dict[str, Any] = {
        "model": _model(earlier, notes),
        "normalization": _normalization(earlier, npho_threshold, notes),
        "data": {key: str(earlier.config[key]) for key in BRANCH_KEYS if earlier.config.get(key)},
    }
    if earlier.kind == "regressor":
        config["tasks"] = _tasks(earlier, angle_unit, notes)
    return config


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
        f"{key} is {stated[key]} in its settings, {model[key]} by its parameters: the latter is used"
        for key in ("encoder_dim", "num_fusion_layers")
        if stated.get(key) not in (None, model[key])
    ]
    kind: type[ModelConfig] = ModelConfig
    if earlier.kind == "mae":
        kind = AutoencoderConfig
        model |= _decoders(earlier)
    else:
        head = next(iter(heads_of(state).values()), None)
        if head is not None:
            model["hidden_dim"] = TaskHead.hidden_width(head)
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
            "normalized as in its training"
        )
    values: dict[str, Any] = {key: stated[key] for key in NORMALIZATION_KEYS}
    for key, usual in (("npho_scheme", "log1p"), ("sentinel_npho", stated["sentinel_time"])):
        values[key] = stated.get(key)
        if values[key] is None:
            values[key] = usual
            notes.append(f"{key} is not in its settings: {usual} assumed")
    threshold = stated.get("npho_threshold") if threshold is None else threshold
    if threshold is not None:
        values["npho_threshold"] = threshold
    try:
        normalization = NormalizationConfig.model_validate(values).model_dump(mode="json")
    except ValidationError as error:
        raise CheckpointError(_invalid(earlier, error)) from error
    if threshold is None:
        notes.append(
            f"npho_threshold is not in its settings: {normalization['npho_threshold']:g} photons assumed "
            "(--npho-threshold for another)"
        )
    return normalization


def _tasks(earlier: EarlierFile, angle_unit: str, notes: list[str]) -> dict[str, Any]:
    heads = heads_of(earlier.state)
    active = earlier.config.get("active_tasks")
    if active is None:
        notes.append("active_tasks is not in its settings: all heads converted")
        active = list(heads)
    active = [active] if isinstance(active, str) else list(active)
    for name in active:
        if name not in TASKS or name not in heads:
            raise CheckpointError(
                f"{earlier.path}: active task '{name}'{did_you_mean(name, heads)} has no head; "
                f"found heads of {', '.join(heads) or 'nothing'}, tasks of xec are {', '.join(TASKS)}"
            )
    uncertain = set(earlier.config.get("nll_tasks") or ())
    tasks = {}
    for name in active:
        spec, outputs = TASKS[name], TaskHead.output_width(heads[name])
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
        effect = "its outputs stay as they are" if angle_unit == "deg" else "its outputs become degrees"
        notes.append(
            f"angles: trained on emiAng in {angle_unit} (--angle-unit; the file does not say): {effect}"
        )
    if "n_gamma" in tasks:
        notes.append("n_gamma: xec gives probabilities, the softmax of the earlier outputs")
    return {name: task.model_dump(mode="json") for name, task in enabled_tasks(tasks).items()}


def _invalid(earlier: EarlierFile, error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{earlier.path}: its settings: {'.'.join(map(str, first['loc']))}: {first['msg']}"
