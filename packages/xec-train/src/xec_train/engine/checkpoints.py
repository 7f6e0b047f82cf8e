"""Writing checkpoints, and finding the one to continue from."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric

from xec_data.tasks.table import TASKS
from xec_geometry.support.output import link_or_copy
from xec_models.checkpoint.content import Checkpoint
from xec_models.checkpoint.reading import read_checkpoint
from xec_models.checkpoint.run_directory import RunDirectory
from xec_models.checkpoint.writing import new_checkpoint, save_checkpoint
from xec_train.config.sections import AUTO, CheckpointConfig
from xec_train.config.train_config import TrainConfig
from xec_train.engine.state import TrainState, capture
from xec_train.errors import TrainError
from xec_train.processes.group import Processes
from xec_train.runs.finetuning import InitialWeights, find_initial_weights
from xec_train.tracking.base import flatten

# What may differ although the network is the same.
_FREE_KEYS = {
    *("model.drop_path_rate", "model.mask_ratio", "model.mask_npho_flat", "model.freeze_encoder"),
    "normalization.preset",
}
_LEARNT_WEIGHTS = ("loss_balance", "training.auto_channel_weight")
_COPIES = "checkpoint_epoch_[0-9]*.pth"
_FIXED_OF_TASK = ("enabled", "loss_fn", "log_transform")


@dataclass
class CheckpointWriter:
    """Writes the checkpoints of a run.

    Attributes
    ----------
    run
        The run directory.
    config
        The resolved configuration, which goes into every checkpoint.
    kind
        Kind of the network.
    fabric, processes
        Device and precision; the processes, of which rank 0 writes.
    mlflow_run_id
        Goes into every checkpoint, so that a resumed run continues there too.
    order
        What the order of the events depends on besides the seed; stored with the position in the epoch.
    """

    run: RunDirectory
    config: TrainConfig
    kind: str
    fabric: Fabric
    processes: Processes
    mlflow_run_id: str | None = None
    order: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Start the clock of ``checkpoint.every_minutes``."""
        self._written = time.monotonic()

    def save_last(self, state: TrainState) -> None:
        """Write ``checkpoint_last.pth``."""
        self._written = time.monotonic()
        weights, training = capture(state, self.fabric, self.processes, self.order)
        if not self.processes.is_first:
            return
        checkpoint = new_checkpoint(
            self.kind,
            self.config.model_dump(mode="json"),
            weights,
            epoch=state.progress.epoch,
            training=training,
            git_revision=git_revision(),
            mlflow_run_id=self.mlflow_run_id,
        )
        save_checkpoint(self.run.checkpoint_last, checkpoint)

    def save_epoch(self, state: TrainState, best: bool) -> None:
        """Write what is due after an epoch: last, and the same file as best and every so many epochs."""
        self.save_last(state)
        if not self.processes.is_first:
            return
        if best:
            link_or_copy(self.run.checkpoint_last, self.run.checkpoint_best)
        interval, epoch = self.config.checkpoint.save_interval, state.progress.epoch
        if interval and epoch % interval == 0:
            link_or_copy(self.run.checkpoint_last, self.run.path / f"checkpoint_epoch_{epoch}.pth")
            self._remove_old_copies()

    @property
    def due(self) -> bool:
        """Whether it is time to write ``checkpoint_last.pth`` also within an epoch."""
        minutes = self.config.checkpoint.every_minutes
        return minutes is not None and time.monotonic() - self._written >= 60 * minutes

    def _remove_old_copies(self) -> None:
        keep = self.config.checkpoint.keep_last
        if keep is None:
            return
        copies = {int(path.stem.rpartition("_")[2]): path for path in self.run.path.glob(_COPIES)}
        for epoch in sorted(copies)[:-keep]:
            copies[epoch].unlink(missing_ok=True)


def find_checkpoint(config: CheckpointConfig, run_name: str | None) -> Path | None:
    """The checkpoint that ``checkpoint.resume_from`` means.

    Parameters
    ----------
    config
        ``resume_from``: a checkpoint, a run directory, or ``auto``; and ``save_dir``.
    run_name
        With ``auto``: the run to continue; None: the one written to last.

    Returns
    -------
    Path or None
        None if a new training is wanted, or if ``auto`` finds nothing.
    """
    if config.resume_from is None:
        return None
    if config.resume_from != AUTO:
        path = Path(config.resume_from)
        return RunDirectory(path).checkpoint_last if path.is_dir() else path
    runs = [Path(config.save_dir) / run_name] if run_name else Path(config.save_dir).glob("*")
    found = [last for run in runs if (last := RunDirectory(run).checkpoint_last).is_file()]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def open_checkpoint(path: Path, config: TrainConfig, kind: str) -> Checkpoint | InitialWeights:
    """Read a checkpoint and make sure that the configuration continues it, or can begin with its weights.

    Returns
    -------
    Checkpoint or InitialWeights
        The checkpoint if the training goes on from it; else the weights that a new training begins with.

    Raises
    ------
    CheckpointError
        If the file is no checkpoint.
    TrainError
        If it was made with another network or normalization; the message names both values.
    """
    checkpoint = read_checkpoint(path)
    weights = find_initial_weights(path, checkpoint, config, kind)
    if weights is not None:
        return weights
    ours, theirs = flatten(config.model_dump(mode="json")), flatten(checkpoint.config.sections)
    different = [key for key in _fixed_keys(ours) if key in theirs and theirs[key] != ours[key]]
    if different:
        both = "; ".join(f"{key} is {ours[key]}, there {theirs[key]}" for key in different)
        raise TrainError(f"the configuration contradicts {path}, from which it should go on: {both}")
    return checkpoint


def _fixed_keys(flat: dict[str, Any]) -> list[str]:
    enabled = [task for task in TASKS if flat.get(f"tasks.{task}.enabled")]
    tasks = [f"tasks.{task}.{name}" for task in enabled for name in _FIXED_OF_TASK]
    rest = [key for task in TASKS if task not in enabled and (key := f"tasks.{task}.enabled") in flat]
    shape = [key for key in flat if key.startswith(("model.", "normalization.")) and key not in _FREE_KEYS]
    return [*shape, *tasks, *rest, *(key for key in _LEARNT_WEIGHTS if key in flat)]


@cache
def git_revision() -> str | None:
    """Commit of the checkout that this code runs from; None where it is an installed wheel."""
    try:
        answer = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
