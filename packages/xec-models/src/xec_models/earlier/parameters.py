"""The parameters of a network of the earlier system under the names of xec."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from xec_data.tasks.table import TASKS
from xec_geometry import GridName
from xec_models.config.network import TaskConfig
from xec_models.earlier.files import EarlierFile
from xec_models.encoder.outer_modes import token_faces
from xec_models.errors import CheckpointError
from xec_models.regressor.heads import HEADS, TaskHead, heads_of, state_of_task

ANGLE_UNITS = {"deg": 1.0, "rad": 180.0 / math.pi}

# The faces of the tokens of the earlier system, in their order.
EARLIER_TOKENS: dict[str, tuple[GridName, ...]] = {
    "finegrid": ("inner", "us", "ds", "outer", "top", "bottom"),
    "split": ("inner", "outer_coarse", "outer_center", "us", "ds", "top", "bottom"),
}
POSITION = "encoder.position.embedding"
# Starts of the earlier names -> starts of those of xec; of each table the first that fits.
ENCODER_NAMES = {"pos_embed": "position.embedding", "fusion_transformer.": "fusion.", "": ""}
PARTS = {
    "dec_bot.": "decoders.bottom.",
    "dec_": "decoders.",
    "head_bot.": "head.readouts.bottom.",
    "head_outer_sensor.": "head.readouts.outer.",
    "head_": "head.readouts.",
    "cross_attn_head.": "head.",
}
# Layers of the heads of an inpainter: of a grid and of the outer face, of a hexagonal face, of all sensors.
GRID_LAYERS = {
    "latent_proj.0.": "token.",
    "local_encoder.0.": "stem.",
    "local_encoder.1.": "norm.",
    "local_encoder.3.": "blocks.0.",
    "local_encoder.4.": "blocks.1.",
    "attn_weight.0.": "share.",
    "pred_head.0.": "hidden.",
    "pred_head.2.": "out.",
}
HEX_LAYERS = {
    "latent_proj.0.": "token.",
    "input_proj.": "stem.",
    "gnn_layers.": "blocks.",
    "pred_head.0.": "norm.",
    "pred_head.1.": "hidden.",
    "pred_head.3.": "out.",
}
SENSOR_LAYERS = {
    "knn_indices": "neighbour",
    "pos_embed": "bands",
    "neighbor_proj.": "context.",
    "query_proj_local.": "query.",
    "latent_proj.": "token.",
    "latent_face_proj.": "token_place.",
    "query_proj_global.": "token_query.",
    "k_proj.": "key.",
    "v_proj.": "value.",
    "global_out_proj.": "mixed.",
    "pred_mlp.": "mlp.",
}
HEAD_LAYERS = {"head_top.": HEX_LAYERS, "head_bot.": HEX_LAYERS, "head_": GRID_LAYERS}
HEAD_LAYERS["cross_attn_head."] = SENSOR_LAYERS


def rename_parameters(
    earlier: EarlierFile, state: Mapping[str, Tensor], config: Mapping[str, Any], angle_unit: str
) -> dict[str, Tensor]:
    """Rename the parameters, put tokens in the order of xec, and give the heads the scales of their targets.

    Parameters
    ----------
    earlier
        The file.
    state
        Its last or its averaged parameters.
    config
        As `configuration_of` returns it.
    angle_unit
        Unit of the angles that it was trained on, a key of `ANGLE_UNITS`.
    """
    # Copies: averaged and shared tensors may be views of larger ones.
    copies = {name: _copied(value) for name, value in state.items()}
    new = {
        here: value
        for name, value in copies.items()
        if (here := new_name(earlier, name)) and not here.startswith(HEADS)
    }
    tokens = _token_order(earlier, config["model"]["outer_mode"])
    new[POSITION] = new[POSITION][:, tokens]
    heads = heads_of(copies)
    for name, task in config.get("tasks", {}).items():
        n, head = TASKS[name].n_outputs, TaskHead.with_tokens(heads[name], tokens)
        if not TaskConfig.model_validate(task).predicts_uncertainty:
            head = TaskHead.with_first_outputs(head, n)
        scale = ANGLE_UNITS[angle_unit] if name == "angle" else 1.0
        new |= state_of_task(name, head, torch.zeros(n), torch.full((n,), scale))
    return new


def _copied(value: Tensor) -> Tensor:
    value = value.detach()
    return value.to(torch.float32).clone() if value.is_floating_point() else value.clone()


def _token_order(earlier: EarlierFile, outer_mode: str) -> list[int]:
    """Return where the tokens of xec stand among those of the earlier system."""
    theirs, ours = EARLIER_TOKENS[outer_mode], token_faces(outer_mode)
    found = earlier.state[f"{earlier.prefix}pos_embed"].shape[1]
    if found != len(theirs):
        raise CheckpointError(
            f"{earlier.path}: '{earlier.prefix}pos_embed' has {found} tokens, expected {len(theirs)} with "
            f"outer_mode {outer_mode}"
        )
    return [theirs.index(face) for face in ours]


def new_name(earlier: EarlierFile, name: str) -> str | None:
    """Translate the name of a parameter; None if it belongs to no part of the networks of xec."""
    if name.startswith(earlier.prefix):
        return "encoder." + _translated(name.removeprefix(earlier.prefix), ENCODER_NAMES)
    if name.startswith(HEADS):
        return name
    if not name.startswith(tuple(PARTS)):
        return None
    start = name.split(".")[0] + "."
    layers = next((table for part, table in HEAD_LAYERS.items() if name.startswith(part)), {})
    return _translated(start, PARTS) + _translated(name.removeprefix(start), layers)


def _translated(name: str, starts: Mapping[str, str]) -> str:
    for theirs, ours in starts.items():
        if name.startswith(theirs):
            return ours + name.removeprefix(theirs)
    return name
