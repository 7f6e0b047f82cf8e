"""Checkpoints written during a training."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lightning_fabric import Fabric

from xec_geometry import SensorTable
from xec_geometry.support.output import link_or_copy
from xec_geometry.support.revision import git_revision
from xec_models.checkpoint.content import NetworkWeights, TrainingState
from xec_models.checkpoint.run_directory import RunDirectory
from xec_models.checkpoint.writing import new_checkpoint, save_checkpoint
from xec_train.config.train_config import TrainConfig
from xec_train.engine.state import TrainState, capture
from xec_train.processes.group import Processes

_COPIES = "checkpoint_epoch_[0-9]*.pth"


@dataclass
class CheckpointWriter:
    """Writer of the checkpoints of a run.

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
        MLflow run, stored so that a resumed training continues it.
    order
        Values that the order of the events depends on; stored with the position in the epoch.
    inputs
        Usual ranges of quantities of the training events.
    geometry
        Where the sensors of the network stand; None: nominal.
    """

    run: RunDirectory
    config: TrainConfig
    kind: str
    fabric: Fabric
    processes: Processes
    mlflow_run_id: str | None = None
    order: Mapping[str, int] = field(default_factory=dict)
    inputs: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    geometry: SensorTable | None = None

    def __post_init__(self) -> None:
        """Start the clock of ``checkpoint.every_minutes``."""
        self._written = time.monotonic()

    def save_last(self, state: TrainState) -> None:
        """Write ``checkpoint_last.pth``."""
        self._save(state, self.run.checkpoint_last)

    def save_weights(self, state: TrainState, path: Path) -> None:
        """Write the network alone, as it is now: to predict with, not to continue from."""
        weights, _ = capture(state, self.fabric, self.processes, self.order)
        self._write(state, path, weights, None)

    def _save(self, state: TrainState, path: Path) -> None:
        self._written = time.monotonic()
        self._write(state, path, *capture(state, self.fabric, self.processes, self.order))

    def _write(
        self, state: TrainState, path: Path, weights: NetworkWeights, training: TrainingState | None
    ) -> None:
        if not self.processes.is_first:
            return
        checkpoint = new_checkpoint(
            self.kind,
            self.config.model_dump(mode="json"),
            weights,
            epoch=state.progress.epoch,
            training=training,
            git_revision=git_revision(__file__),
            mlflow_run_id=self.mlflow_run_id,
            inputs=self.inputs,
            geometry=self.geometry,
        )
        save_checkpoint(path, checkpoint)

    def save_epoch(self, state: TrainState, best: bool) -> None:
        """Write the checkpoint of an epoch as last, as best if it is, and as a copy at every interval.

        The best comes first: a training that is killed in between repeats the epoch, and finds it again.
        """
        self._save(state, self.run.checkpoint_best if best else self.run.checkpoint_last)
        if not self.processes.is_first:
            return
        if best:
            link_or_copy(self.run.checkpoint_best, self.run.checkpoint_last)
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
