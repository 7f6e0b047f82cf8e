"""The configuration of a network of the earlier system, from its settings and its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from torch import Tensor

from xec_data.tasks.table import TASKS
from xec_geometry.errors import did_you_mean
from xec_models.config.network import (
    AutoencoderConfig,
    InpainterConfig,
    ModelConfig,
    TaskConfig,
    enabled_tasks,
)
from xec_models.earlier.answers import Answers
from xec_models.earlier.files import SYSTEM, EarlierFile
from xec_models.earlier.normalization import normalization_of
from xec_models.earlier.remarks import Remarks, invalid_settings
from xec_models.errors import CheckpointError, ModelError
from xec_models.losses.table import uncertainty_loss
from xec_models.regressor.heads import TaskHead, heads_of

BRANCH_KEYS = ("npho_branch", "time_branch")
CONFIGS: dict[str, type[ModelConfig]] = {
    "regressor": ModelConfig,
    "mae": AutoencoderConfig,
    "inpainter": InpainterConfig,
}
# The last layer of an inpainter, whose outputs are its channels -> the head of xec with these layers.
INPAINTER_OUTPUTS = {
    "cross_attn_head.pred_mlp.3.bias": "earlier_cross_attention",
    "head_inner.pred_head.2.bias": "earlier_per_face",
}
CHANNELS = ["npho", "time"]


def configuration_of(earlier: EarlierFile, answers: Answers, remarks: Remarks) -> dict[str, Any]:
    """Derive the sections ``model``, ``normalization``, ``data`` and, for a regressor, ``tasks``.

    Parameters
    ----------
    earlier
        The file.
    answers
        What it does not say.
    remarks
        Receives every deviation from the settings, and every assumption.

    Raises
    ------
    CheckpointError
        If settings are missing, contradict the parameters, or belong to a network whose numbers could not be
        reproduced.
    """
    config: dict[str, Any] = {
        "model": _model(earlier, remarks),
        "normalization": normalization_of(earlier, answers, remarks),
        "data": {key: str(earlier.config[key]) for key in BRANCH_KEYS if earlier.config.get(key)},
    }
    if earlier.kind == "regressor":
        config["tasks"] = _tasks(earlier, answers, remarks)
    return config


def _model(earlier: EarlierFile, remarks: Remarks) -> dict[str, Any]:
    state, prefix, stated = earlier.state, earlier.prefix, earlier.config
    position = state.get(f"{prefix}pos_embed")
    if position is None or position.ndim != 3:
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
    if isinstance(model["outer_fine_pool"], int):
        model["outer_fine_pool"] = [model["outer_fine_pool"]] * 2
    if model["outer_mode"] == "split" and model["outer_fine_pool"] is not None:
        remarks.note(f"outer_fine_pool {model['outer_fine_pool']} has no effect with outer_mode split: null")
        model["outer_fine_pool"] = None
    if model["outer_mode"] != "split" and "outer_fine_pool" not in stated:
        remarks.warn("outer_fine_pool is not in its settings: null assumed; with another one all is wrong")
    for key in ("encoder_dim", "num_fusion_layers"):
        if stated.get(key) not in (None, model[key]):
            remarks.note(
                f"{key} is {stated[key]} in its settings, {model[key]} by its parameters: the latter is used"
            )
    model |= {"regressor": _heads, "mae": _decoders, "inpainter": _inpainter}[earlier.kind](earlier)
    if earlier.kind != "regressor" and model["outer_mode"] == "split":
        raise CheckpointError(
            f"{earlier.path}: a network for hidden sensors with outer_mode split cannot be converted: "
            "no outputs of such a one are known that its numbers could be compared with"
        )
    try:
        return CONFIGS[earlier.kind].model_validate(model).model_dump(mode="json")
    except ValidationError as error:
        raise CheckpointError(invalid_settings(earlier.path, error)) from error


def _heads(earlier: EarlierFile) -> dict[str, Any]:
    head = next(iter(heads_of(earlier.state).values()), None)
    return {} if head is None else {"hidden_dim": TaskHead.hidden_width(head)}


def _decoders(earlier: EarlierFile) -> dict[str, Any]:
    first, last = (earlier.state.get(f"dec_inner.decoder.{i}.bias") for i in (0, 6))
    if first is None or last is None:
        raise CheckpointError(f"{earlier.path}: 'dec_inner.decoder.0.bias' or '.6.bias' missing")
    decoders = {"decoder_dim": len(first), "predict_channels": CHANNELS[: len(last)]}
    return decoders | _stated(earlier, "mask_ratio")


def _inpainter(earlier: EarlierFile) -> dict[str, Any]:
    state = earlier.state
    output = next((name for name in INPAINTER_OUTPUTS if name in state), None)
    if output is None:
        found = sorted({name.split(".")[0] for name in state} - {earlier.prefix.rstrip(".")})
        raise CheckpointError(
            f"{earlier.path}: an inpainter whose heads have no counterpart: found {', '.join(found)} with "
            f"use_masked_attention {earlier.config.get('use_masked_attention')}; expected head_type "
            "cross_attention, or per_face without masked attention"
        )
    if len(state[output]) != 1:
        raise CheckpointError(
            f"{earlier.path}: an inpainter that predicts {len(state[output])} channels cannot be converted: "
            "outputs to compare with are only known of those that predict npho alone"
        )
    kept = _stated(earlier, "mask_ratio", "mask_npho_flat", "freeze_encoder")
    return {"head": INPAINTER_OUTPUTS[output], "predict_channels": CHANNELS[:1]} | kept


def _stated(earlier: EarlierFile, *keys: str) -> dict[str, Any]:
    return {key: earlier.config[key] for key in keys if earlier.config.get(key) is not None}


def _tasks(earlier: EarlierFile, answers: Answers, remarks: Remarks) -> dict[str, Any]:
    heads = heads_of(earlier.state)
    active = earlier.config.get("active_tasks")
    if active is None:
        remarks.note("active_tasks is not in its settings: all heads converted")
        active = list(heads)
    active = [active] if isinstance(active, str) else list(active)
    for name in active:
        if name not in TASKS or name not in heads:
            raise CheckpointError(
                f"{earlier.path}: active task '{name}'{did_you_mean(str(name), heads)} has no head; "
                f"found heads of {', '.join(heads) or 'nothing'}, tasks of xec are {', '.join(TASKS)}"
            )
    logarithms = _logarithms(earlier, active, answers, remarks)
    tasks = {
        name: TaskConfig(
            loss_fn=_likelihood(earlier, name, heads[name], remarks), log_transform=name in logarithms
        )
        for name in active
    }
    if "angle" in tasks:
        unit = answers.angle_unit
        effect = "its outputs stay as they are" if unit == "deg" else "its outputs become degrees"
        remarks.note(f"angles: trained on emiAng in {unit} (--angle-unit; the file does not say): {effect}")
    if "n_gamma" in tasks:
        remarks.note("n_gamma: xec gives probabilities, the softmax of the earlier outputs")
    try:
        return {name: task.model_dump(mode="json") for name, task in enabled_tasks(tasks).items()}
    except ModelError as error:
        raise CheckpointError(f"{earlier.path}: {error}") from error


def _likelihood(earlier: EarlierFile, name: str, head: Mapping[str, Tensor], remarks: Remarks) -> str | None:
    """Return the loss that predicts a σ if the head of a task does; None: the usual loss."""
    spec, outputs = TASKS[name], TaskHead.output_width(head)
    doubled, stated = outputs == 2 * spec.n_outputs, name in (earlier.config.get("nll_tasks") or ())
    if stated != doubled:
        remarks.note(
            f"nll_tasks {'names' if stated else 'does not name'} {name}, whose head has "
            f"{outputs} outputs: {'with' if doubled else 'without'} an uncertainty"
        )
    likelihood = uncertainty_loss(spec)
    if doubled and likelihood is None:
        remarks.note(f"{name}: xec predicts no uncertainty of it; its log variances are dropped")
    return likelihood if doubled else None


def _logarithms(
    earlier: EarlierFile, active: list[str], answers: Answers, remarks: Remarks
) -> tuple[str, ...]:
    """Return the tasks whose heads give logarithms."""
    given = answers.log_transform
    if given is None:
        for name in active:
            if TASKS[name].positive:
                remarks.warn(
                    f"{name}: its settings do not say whether log_transform was true in its training; false "
                    f"assumed. If it was, every {name} of the new network is wrong: convert with "
                    f"--log-transform {name} (--log-transform none: it was not)"
                )
        return ()
    for name in given:
        if name not in active:
            raise CheckpointError(
                f"{earlier.path}: --log-transform {name}: no active task; found {', '.join(active)}"
            )
    return given
