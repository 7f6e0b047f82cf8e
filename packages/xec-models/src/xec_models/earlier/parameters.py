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
from xec_models.reconstruction.autoencoder import XECMaskedAutoencoder
from xec_models.regressor.heads import HEADS, TaskHead, heads_of, state_of_task

ANGLE_UNITS = {"deg": 1.0, "rad": 180.0 / math.pi}

# Parts of the earlier names -> names of xec, the first that fits.
ENCODER_NAMES = {"pos_embed": "position.embedding", "fusion_transformer.": "fusion."}
DECODER_NAMES = {"dec_bot.": "bottom", "dec_outer_center.": "outer_center"}
OUTER_COARSE = "outer_coarse"
OUTER_CENTER = "decoders.outer_center."
POSITION = "encoder.position.embedding"
# The faces of the tokens of the earlier system, in their order.
EARLIER_TOKENS: dict[str, tuple[GridName, ...]] = {
    "finegrid": ("inner", "us", "ds", "outer", "top", "bottom"),
    "split": ("inner", "outer_coarse", "outer_center", "us", "ds", "top", "bottom"),
}


def rename_parameters(
    earlier: EarlierFile, state: Mapping[str, Tensor], config: Mapping[str, Any], angle_unit: str
) -> dict[str, Tensor]:
    """Rename the parameters, and give the heads the scales of their targets.

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
    copies = {name: value.detach().to(torch.float32).clone() for name, value in state.items()}
    new = {
        here: value
        for name, value in copies.items()
        if (here := new_name(earlier, name, config["model"]["outer_mode"])) and not here.startswith(HEADS)
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


def new_name(earlier: EarlierFile, name: str, outer_mode: str) -> str | None:
    """Translate the name of a parameter; None if it belongs to no part of the networks of xec."""
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


def missing_decoder(state: Mapping[str, Tensor], config: Mapping[str, Any]) -> dict[str, Tensor]:
    """Initialize the parameters that the earlier autoencoder lacks: the decoder of the centre patch.

    Parameters
    ----------
    state
        As `rename_parameters` returns it.
    config
        As `configuration_of` returns it.

    Returns
    -------
    dict
        Random initial values; empty if nothing is missing.
    """
    if config["model"]["outer_mode"] != "split" or any(name.startswith(OUTER_CENTER) for name in state):
        return {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        fresh = XECMaskedAutoencoder.from_config(config).state_dict()
    return {name: value for name, value in fresh.items() if name.startswith(OUTER_CENTER)}
