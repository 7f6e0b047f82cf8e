"""Fine-tuning: a training that starts from weights of another one, all of them or those of its encoder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from xec_data.tasks.table import TASKS
from xec_geometry import LAYOUTS, SensorTable, geometry_hash
from xec_geometry.support.flattening import flatten
from xec_models.checkpoint.building import load_parameters
from xec_models.checkpoint.content import Checkpoint, State
from xec_models.regressor.regressor import XECRegressor
from xec_train.config.train_config import TrainConfig
from xec_train.config.yaml_text import write_scalar
from xec_train.errors import TrainError

ENCODER = "encoder."
PHYSICAL, EARLIER = LAYOUTS
# What an encoder's parameters depend on; heads and decoders may be anything.
ENCODER_KEYS = (
    "outer_mode",
    "outer_fine_pool",
    "encoder_dim",
    "dim_feedforward",
    "num_fusion_layers",
    "stem",
    "layout",
    "hex_conv",
    "hex_width",
    "hex_depth",
    "position",
)
# What the features of the heads depend on besides the encoder.
_ANCHOR_KEYS = ("anchor", "window", "window_width", "window_depth")
_FREE_KEYS = {"normalization.preset"}


@dataclass(frozen=True)
class InitialWeights:
    """Weights of another training that a new one starts from.

    Attributes
    ----------
    path
        The checkpoint.
    state
        Its parameters, the averaged ones if there are any.
    reason
        Reason why it is not continued, for the user.
    encoder_only
        Whether only the parameters of the encoder are loaded.
    adaptation
        Difference that the weights have to adapt to, for the user; empty if there is none.
    keeps_targets
        Whether the network keeps its own scale of the targets, and the heads are adapted to it.
    objective
        Learned weights of losses; none for an encoder alone.
    epoch
        Epochs that the weights were trained for; None if unknown.
    """

    path: Path
    state: State
    reason: str
    encoder_only: bool
    adaptation: str = ""
    keeps_targets: bool = False
    objective: State = field(default_factory=dict)
    epoch: int | None = None

    def load(self, network: nn.Module, learned: nn.Module) -> list[str]:
        """Load the weights into a network and into the learned weights of losses.

        Returns
        -------
        list of str
            Parameters that were loaded, were not, and keep their initial values: a line each.

        Raises
        ------
        CheckpointError
            If parameters do not fit; the message names them.
        """
        own = network.state_dict()
        loaded = {
            name: value
            for name, value in self.state.items()
            if name.startswith(ENCODER) or not self.encoder_only
        }
        kept = [name for name in own if name not in loaded]
        if self.encoder_only:
            # Parameters of the encoder that are absent there have to be reported as missing.
            kept = [name for name in kept if not name.startswith(ENCODER)]
        state = {**loaded, **{name: own[name] for name in kept}}
        if self.keeps_targets and isinstance(network, XECRegressor):
            # Those heads predict GeV, seconds and centimetres directly; on that scale one task would dominate
            # the others.
            with network.keeping_target_scales():
                load_parameters(network, state, str(self.path))
        else:
            load_parameters(network, state, str(self.path))
        weights = learned.state_dict()
        learned.load_state_dict({name: self.objective.get(name, weights[name]) for name in weights})
        left = [name for name in self.state if name not in loaded]
        its = "" if self.epoch is None else f" after epoch {self.epoch} of its training"
        return [
            f"weights of {self.path}{its}; the new training begins with its epoch 1 ({self.reason})",
            f"  loaded: {_grouped(loaded)}",
            *([f"  not loaded: {_grouped(left)}"] if left else []),
            *([f"  not in the file, random initial values: {_grouped(kept)}"] if kept else []),
            *([f"  {self.adaptation}"] if self.adaptation else []),
        ]


def find_initial_weights(
    path: Path, checkpoint: Checkpoint, config: TrainConfig, kind: str, geometry: SensorTable
) -> InitialWeights | None:
    """Decide whether a checkpoint is continued, or a new training starts from its weights.

    Parameters
    ----------
    path, checkpoint
        The checkpoint.
    config
        The configuration of the training.
    kind
        Kind of its network.
    geometry
        Where its sensors stand. Weights of other positions may start a training: they adapt.

    Returns
    -------
    InitialWeights or None
        None if the training is to be continued.

    Raises
    ------
    TrainError
        If the encoder, the normalization or the layout is another one; the message names both values.
        An encoder or a converted network of the earlier system's layout may start one in the physical.
    """
    reason = _reason_not_continued(checkpoint, config, kind)
    encoder_only = (
        checkpoint.kind != kind
        or _tasks_of(checkpoint) != set(config.enabled_tasks)
        or bool(_other_anchor(checkpoint, config))
    )
    if reason is None:
        return None
    converted = checkpoint.provenance.converted_from is not None
    adaptation = _adaptation(checkpoint, config) if converted or encoder_only else ""
    contradictions = _contradictions(checkpoint, config, other_layout=bool(adaptation))
    if contradictions:
        raise TrainError(
            f"the configuration contradicts {path}, whose weights it starts from: {'; '.join(contradictions)}"
        )
    if moved := other_positions(checkpoint, config, geometry):
        adaptation = "; ".join(filter(None, (adaptation, f"{moved}: the weights will have to adapt")))
    state = checkpoint.weights.validated
    if encoder_only and not any(name.startswith(ENCODER) for name in state):
        raise TrainError(
            f"{path} holds a '{checkpoint.kind}' without an encoder: found "
            f"{_grouped(state)}; expected parameters '{ENCODER}*'"
        )
    learned = {} if encoder_only or checkpoint.training is None else checkpoint.training.validated_objective
    keeps_targets = converted and not encoder_only
    return InitialWeights(
        path, state, reason, encoder_only, adaptation, keeps_targets, learned, checkpoint.epoch
    )


def other_positions(checkpoint: Checkpoint, config: TrainConfig, geometry: SensorTable) -> str:
    """Tell how the positions of a checkpoint differ from those of a training; empty if they do not."""
    ours, theirs = (geometry_hash(PHYSICAL, table) for table in (geometry, checkpoint.geometry))
    if ours == theirs:
        return ""
    there = checkpoint.config.geometry_source
    return f"geometry is {config.geometry} ({ours[:12]}), there {there} ({theirs[:12]})"


def _adaptation(checkpoint: Checkpoint, config: TrainConfig) -> str:
    theirs, ours = checkpoint.provenance.layout, config.model.layout
    if (theirs, ours) != (EARLIER, PHYSICAL):
        return ""
    return f"its layout is {theirs}, here {ours}: weights of the outer and hexagonal faces will have to adapt"


def _reason_not_continued(checkpoint: Checkpoint, config: TrainConfig, kind: str) -> str | None:
    theirs, ours = _tasks_of(checkpoint), set(config.enabled_tasks)
    if checkpoint.kind != kind:
        return f"it holds a '{checkpoint.kind}', this training builds a '{kind}': only the encoder is loaded"
    if theirs != ours:
        return f"its tasks are {_listed(theirs)}, here {_listed(ours)}: only the encoder is loaded"
    if config.checkpoint.reset_epoch:
        other = _other_anchor(checkpoint, config)
        return f"{other}: only the encoder is loaded" if other else "checkpoint.reset_epoch"
    if checkpoint.provenance.converted_from is not None:
        return f"it was converted from {checkpoint.provenance.converted_from}, without its optimizer"
    return f"it has no {' and no '.join(checkpoint.missing)}" if checkpoint.missing else None


def _other_anchor(checkpoint: Checkpoint, config: TrainConfig) -> str:
    """Tell how the anchor of a checkpoint differs from the configured one; empty if it does not."""
    ours, theirs = flatten(config.model_dump(mode="json")), stated_or_default(checkpoint, config)
    keys = [f"model.{name}" for name in _ANCHOR_KEYS]
    return "; ".join(
        f"its {key} is {write_scalar(theirs[key])}, here {write_scalar(ours[key])}"
        for key in keys
        if key in ours and key in theirs and ours[key] != theirs[key]
    )


def stated_or_default(checkpoint: Checkpoint, config: TrainConfig) -> dict[str, Any]:
    """Return the keys of a checkpoint's configuration; of its network also those that it does not state."""
    sections = checkpoint.config.sections
    defaults = {**type(config.model)().model_dump(mode="json"), "layout": checkpoint.provenance.layout}
    model = {**defaults, **checkpoint.config.section("model")}
    return flatten({**sections, "model": model})


def both_values(key: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    """Tell the values of a key in a configuration and in a checkpoint, as configurations write them."""
    return f"{key} is {write_scalar(ours[key])}, there {write_scalar(theirs[key])}"


def _tasks_of(checkpoint: Checkpoint) -> set[str]:
    return set(checkpoint.config.enabled_tasks)


def _contradictions(checkpoint: Checkpoint, config: TrainConfig, *, other_layout: bool = False) -> list[str]:
    ours = flatten(config.model_dump(mode="json"))
    theirs = stated_or_default(checkpoint, config)
    keys = [f"model.{name}" for name in ENCODER_KEYS]
    keys += [key for key in ours if key.startswith("normalization.") and key not in _FREE_KEYS]
    found = [
        both_values(key, ours, theirs)
        for key in keys
        if key in theirs and theirs[key] != ours[key] and not (other_layout and key == "model.layout")
    ]
    layout = EARLIER if other_layout else config.model.layout
    # Of its own positions: the same hash means that its sensors are numbered and sorted as ours.
    here, there = geometry_hash(layout, checkpoint.geometry), checkpoint.provenance.geometry_hash
    if not found and here != there:
        found.append(f"the geometry is {here[:12]}, there {there[:12]}")
    return found


def _listed(tasks: set[str]) -> str:
    known = [name for name in TASKS if name in tasks]
    return ", ".join([*known, *sorted(tasks - set(known))]) or "none"


def _grouped(names: Iterable[str]) -> str:
    """Count parameters by the part of the network."""
    parts = list(names)
    groups = Counter(".".join(name.split(".")[: 2 if name.count(".") > 1 else 1]) for name in parts)
    inside = ", ".join(f"{group} ({count})" for group, count in groups.items())
    return f"{len(parts)} parameters: {inside}" if parts else "nothing"
