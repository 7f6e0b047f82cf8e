"""Configurations with which a training goes on from a checkpoint: they state what it was made with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from xec_data.tasks.table import TASKS
from xec_geometry.support.flattening import flatten
from xec_models.checkpoint.content import Checkpoint
from xec_models.checkpoint.reading import read_checkpoint
from xec_models.losses.table import LOSSES
from xec_train.config.keys import all_keys
from xec_train.config.train_config import TrainConfig
from xec_train.errors import ConfigError
from xec_train.objectives.table import OBJECTIVES
from xec_train.runs.finetuning import ENCODER_KEYS
from xec_train.runs.resuming import FREE_KEYS

RESUME = "checkpoint.resume_from"
# Trainings of xec have these by default or by their template, checkpoints of the earlier system never.
_WITHOUT = {"model.anchor": "none", "model.window": None}
# These name a run, and what its training began with.
_OF_THE_RUN = (RESUME, "mlflow.run_name")


def objective_of(checkpoint: Checkpoint) -> str:
    """Return the objective of the training that makes such networks.

    Raises
    ------
    ConfigError
        If there is none.
    """
    for name, entry in OBJECTIVES.items():
        if entry.network_kind == checkpoint.kind:
            return name
    kinds = ", ".join(entry.network_kind for entry in OBJECTIVES.values())
    raise ConfigError(f"no training makes a network of the kind '{checkpoint.kind}'; expected {kinds}")


def stated_values(path: Path, objective: str | None = None) -> tuple[str, dict[str, Any]]:
    """Return what the configuration of a training that begins with a checkpoint states.

    Parameters
    ----------
    path
        The checkpoint.
    objective
        Objective of the training; None: that of the checkpoint.

    Returns
    -------
    str, dict
        The objective, and values by dotted key: all that the checkpoint states, for another objective those
        of the encoder and its inputs.

    Raises
    ------
    CheckpointError
        If the file is no checkpoint.
    ConfigError
        If no training makes such networks, or there is no such objective.
    """
    checkpoint = read_checkpoint(path)
    own = objective_of(checkpoint)
    chosen = OBJECTIVES.get_named(objective or own).name
    values = dict(_needed(checkpoint, chosen))
    if chosen == own:
        known = all_keys(chosen)
        everything = _leaves(checkpoint.config.sections, "", chosen)
        rest = {key: value for key, value in everything if key in known and key not in _OF_THE_RUN}
        values = {**rest, **dict(_tasks(checkpoint)), **values}
    return chosen, {**values, RESUME: str(path)}


def align(sections: Mapping[str, Any], path: Path) -> tuple[dict[str, Any], list[str]]:
    """Change a configuration so that a training begins with a checkpoint.

    Parameters
    ----------
    sections
        A valid configuration.
    path
        The checkpoint.

    Returns
    -------
    dict, list of str
        The sections, and a note for every value that changed.

    Raises
    ------
    CheckpointError
        If the file is no checkpoint.
    """
    checkpoint = read_checkpoint(path)
    config = TrainConfig.model_validate(sections)
    ours = flatten(config.model_dump(mode="json"))
    here, there = tuple(config.enabled_tasks), checkpoint.config.enabled_tasks
    changed, notes = _copied(sections), []
    wanted = dict(_needed(checkpoint, config.objective))
    if set(here) == set(there):
        wanted |= dict(_head_values(checkpoint, ours))
    elif OBJECTIVES[config.objective].network_kind == checkpoint.kind:
        notes.append(
            f"tasks: {', '.join(here)}; the checkpoint has {', '.join(there)}: only its encoder is used"
        )
    for key, value in wanted.items():
        if key in FREE_KEYS:
            continue
        if _value(ours, key) != value:
            notes.append(f"{key}: {_shown(value)}, as in the checkpoint; not {_shown(_value(ours, key))}")
        assign(changed, key, value)
    assign(changed, RESUME, str(path))
    return changed, notes


def assign(sections: dict[str, Any], key: str, value: Any) -> None:
    """Set the value of a dotted key."""
    *parents, name = key.split(".")
    section = sections
    for parent in parents:
        section = section.setdefault(parent, {})
    section[name] = value


def _needed(checkpoint: Checkpoint, objective: str) -> Iterator[tuple[str, Any]]:
    """Yield the values without which a training refuses the checkpoint."""
    sections, known = checkpoint.config.sections, all_keys(objective)
    same_kind = OBJECTIVES[objective].network_kind == checkpoint.kind
    model = dict(checkpoint.config.section("model"))
    if not same_kind:
        model = {name: value for name, value in model.items() if name in ENCODER_KEYS}
    elif checkpoint.provenance.converted_from is not None:
        yield from ((key, value) for key, value in _WITHOUT.items() if key in known)
    for section, values in {"model": model, "normalization": sections.get("normalization") or {}}.items():
        yield from ((key, value) for name, value in values.items() if (key := f"{section}.{name}") in known)
    for name in ("npho_branch", "time_branch"):
        if name in checkpoint.config.section("data"):
            yield f"data.{name}", checkpoint.config.section("data")[name]
    if checkpoint.config.sections.get("geometry"):
        yield "geometry", checkpoint.config.geometry_source


def _tasks(checkpoint: Checkpoint) -> Iterator[tuple[str, Any]]:
    """Yield which tasks are enabled: a converted checkpoint lists those that are."""
    enabled = checkpoint.config.enabled_tasks
    if enabled:
        yield from ((f"tasks.{task}.enabled", task in enabled) for task in TASKS)


def _head_values(checkpoint: Checkpoint, ours: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the values of tasks that the outputs of their heads depend on."""
    for name in checkpoint.config.enabled_tasks:
        task = checkpoint.config.section("tasks")[name]
        yield f"tasks.{name}.log_transform", bool(task.get("log_transform", False))
        theirs, here = (LOSSES.get(str(loss)) for loss in (task["loss_fn"], ours[f"tasks.{name}.loss_fn"]))
        if theirs is not None and here is not None and theirs.predicts_sigma != here.predicts_sigma:
            yield f"tasks.{name}.loss_fn", task["loss_fn"]
            yield f"tasks.{name}.loss_beta", task.get("loss_beta")


def _leaves(values: Mapping[str, Any], parent: str, objective: str) -> Iterator[tuple[str, Any]]:
    """Yield every key with its value; a mapping is a value where a key has it as one."""
    known = all_keys(objective)
    for name, value in values.items():
        key = f"{parent}{name}"
        if isinstance(value, Mapping) and (key not in known or known[key].section is not None):
            yield from _leaves(value, f"{key}.", objective)
        else:
            yield key, value


def _copied(sections: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _copied(value) if isinstance(value, Mapping) else value for name, value in sections.items()}


def _value(flat: Mapping[str, Any], key: str) -> Any:
    if key in flat:
        return flat[key]
    inside = {
        name.removeprefix(f"{key}."): value for name, value in flat.items() if name.startswith(f"{key}.")
    }
    return inside or None


def _shown(value: Any) -> str:
    from xec_train.config.yaml_text import write_scalar

    return write_scalar(value)
