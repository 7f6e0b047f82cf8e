"""Resuming: the checkpoint that a training continues, or whose weights it starts from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xec_data.tasks.table import TASKS
from xec_geometry import SensorTable
from xec_geometry.detector.geometry_file import geometry_files
from xec_geometry.support.flattening import flatten
from xec_models.checkpoint.content import Checkpoint
from xec_models.checkpoint.reading import read_checkpoint
from xec_models.checkpoint.run_directory import RunDirectory
from xec_train.config.sections import AUTO, CheckpointConfig
from xec_train.config.train_config import TrainConfig
from xec_train.errors import TrainError
from xec_train.runs.finetuning import (
    InitialWeights,
    both_values,
    find_initial_weights,
    other_positions,
    stated_or_default,
)

# Keys that may differ although the network is the same.
FREE_KEYS = {
    *("model.drop_path_rate", "model.mask_ratio", "model.mask_npho_flat", "model.freeze_encoder"),
    "normalization.preset",
}
_LEARNT_WEIGHTS = ("loss_balance", "training.auto_channel_weight")
_FIXED_OF_TASK = ("enabled", "loss_fn", "log_transform")


def find_checkpoint(config: CheckpointConfig, run_name: str | None) -> Path | None:
    """Find the checkpoint that ``checkpoint.resume_from`` means.

    Parameters
    ----------
    config
        ``resume_from``: a checkpoint, a run directory, or ``auto``; and ``save_dir``.
    run_name
        With ``auto``: the run to continue; None: the latest one.

    Returns
    -------
    Path or None
        None for a new training, or if ``auto`` finds nothing.
    """
    if config.resume_from is None:
        return None
    if config.resume_from != AUTO:
        path = Path(config.resume_from)
        return RunDirectory(path).checkpoint_last if path.is_dir() else path
    runs = [Path(config.save_dir) / run_name] if run_name else Path(config.save_dir).glob("*")
    found = [last for run in runs if (last := RunDirectory(run).checkpoint_last).is_file()]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def stored_positions(path: Path | None, config: TrainConfig) -> SensorTable | None:
    """Return the positions in a checkpoint if the table that both were made with is gone, else None.

    Raises
    ------
    CheckpointError
        If the file is no checkpoint.
    """
    if path is None or all(table.exists() for table in geometry_files(config.geometry)):
        return None
    checkpoint = read_checkpoint(path)
    return checkpoint.geometry if checkpoint.config.geometry_source == config.geometry else None


def open_checkpoint(
    path: Path, config: TrainConfig, kind: str, geometry: SensorTable
) -> Checkpoint | InitialWeights:
    """Read a checkpoint, and check that the configuration continues it or can start from its weights.

    Parameters
    ----------
    path
        The checkpoint.
    config
        The configuration of the training.
    kind
        Kind of its network.
    geometry
        Where its sensors stand.

    Returns
    -------
    Checkpoint or InitialWeights
        The checkpoint if the training continues it; else the weights that a new training starts from.

    Raises
    ------
    CheckpointError
        If the file is no checkpoint.
    TrainError
        If it was made with another network or normalization; the message names both values.
    """
    checkpoint = read_checkpoint(path)
    weights = find_initial_weights(path, checkpoint, config, kind, geometry)
    if weights is not None:
        return weights
    ours, theirs = flatten(config.model_dump(mode="json")), stated_or_default(checkpoint, config)
    different = [key for key in _fixed_keys(ours) if key in theirs and theirs[key] != ours[key]]
    both = "; ".join(both_values(key, ours, theirs) for key in different)
    if not different:
        both = other_positions(checkpoint, config, geometry)
    if both:
        raise TrainError(f"the configuration contradicts {path}, which it should continue: {both}")
    return checkpoint


def _fixed_keys(flat: dict[str, Any]) -> list[str]:
    enabled = [task for task in TASKS if flat.get(f"tasks.{task}.enabled")]
    tasks = [f"tasks.{task}.{name}" for task in enabled for name in _FIXED_OF_TASK]
    rest = [key for task in TASKS if task not in enabled and (key := f"tasks.{task}.enabled") in flat]
    shape = [key for key in flat if key.startswith(("model.", "normalization.")) and key not in FREE_KEYS]
    return [*shape, *tasks, *rest, *(key for key in _LEARNT_WEIGHTS if key in flat)]
