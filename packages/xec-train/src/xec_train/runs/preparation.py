"""Checks of everything that a training needs, before it writes its first file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xec_data.checking.input_range import Limits
from xec_data.schema.branches import ID_BRANCHES
from xec_models.checkpoint.content import Checkpoint
from xec_models.checkpoint.run_directory import RunDirectory
from xec_models.config.network import InpainterConfig
from xec_train.config.train_config import TrainConfig
from xec_train.data.dead_channels import RandomDeadChannels, read_lists
from xec_train.data.events import Events, open_events
from xec_train.data.input_range import input_range, unlike
from xec_train.data.loader import thread_count, worker_count
from xec_train.engine.display import Display
from xec_train.objectives.base import Objective
from xec_train.objectives.table import OBJECTIVES, build_objective
from xec_train.processes.group import Processes
from xec_train.regression.result_files import RESULT_BRANCHES
from xec_train.runs.finetuning import InitialWeights
from xec_train.runs.names import choose_run
from xec_train.runs.resuming import find_checkpoint, open_checkpoint, stored_positions
from xec_train.tracking.run_ids import tracking_uri


@dataclass(frozen=True)
class Preparation:
    """The checked parts of a training, before anything is written."""

    objective: Objective[Any]
    run: RunDirectory
    training: Events
    validation: Events
    checkpoint_path: Path | None
    checkpoint: Checkpoint | None
    weights: InitialWeights | None = None

    def input_range(self) -> dict[str, Limits]:
        """Return the usual ranges of the events that the network learns from."""
        if self.checkpoint is not None and self.checkpoint.inputs:
            return dict(self.checkpoint.inputs)
        return input_range(self.training, absolute_times=self.objective.uses_absolute_times)

    def unlike(self, ranges: Mapping[str, Limits]) -> list[str]:
        """Say which files hold events unlike those that the network learns from, and how they differ."""
        found = {"training": unlike(self.training, ranges), "validation": unlike(self.validation, ranges)}
        return [f"{name} files: {how}; are the units the same?" for name, how in found.items() if how]

    @property
    def event_counts(self) -> dict[str, float]:
        """Numbers of events in the files, and of those that the fiducial cut keeps, as metrics."""
        return {
            f"{name}_events_{what}": float(count)
            for name, events in (("train", self.training), ("val", self.validation))
            for what, count in (("kept", events.n_events), ("stored", events.n_stored))
        }


def prepare(config: TrainConfig, processes: Processes, display: Display) -> Preparation:
    """Check everything that a training needs; nothing is written.

    Raises
    ------
    XecError
        At the first problem.
    """
    if config.mlflow.enabled:
        processes.broadcast(lambda: tracking_uri(config.mlflow))
    kind = OBJECTIVES[config.objective].network_kind
    path = processes.broadcast(lambda: find_checkpoint(config.checkpoint, config.mlflow.run_name))
    stored = processes.run_on_all(lambda: stored_positions(path, config))
    if stored is not None:
        display.line(f"geometry: {config.geometry} is gone; the positions in {path}")
    objective = processes.run_on_all(lambda: build_objective(config, stored))
    opened_checkpoint = (
        None
        if path is None
        else processes.run_on_all(lambda: open_checkpoint(path, config, kind, objective.geometry))
    )
    weights = opened_checkpoint if isinstance(opened_checkpoint, InitialWeights) else None
    checkpoint = None if isinstance(opened_checkpoint, InitialWeights) else opened_checkpoint
    # One process names the run and checks that the name is free: clocks and folders may differ.
    run = RunDirectory(
        processes.broadcast(lambda: choose_run(config, path if weights is None else None).path)
    )
    # One process asks: a database need not answer all of them alike.
    lists = processes.broadcast(
        lambda: read_lists(config.data.dead_channels or (), run if checkpoint is not None else None)
    )
    objective.dead_channels = RandomDeadChannels(lists)
    if text := objective.dead_channels.describe():
        display.line(text)
    sharing = processes.n_sharing_cores
    training, validation = processes.run_on_all(lambda: _open_files(config, objective, sharing, display))
    if path is None and isinstance(config.model, InpainterConfig) and config.model.freeze_encoder:
        display.warn(
            "model.freeze_encoder keeps an encoder of random weights: there is no checkpoint to start from; "
            "expected one in checkpoint.resume_from, such as that of a masked autoencoder"
        )
    if checkpoint is not None:
        display.line(f"continuing {path}")
    elif weights is None and config.checkpoint.resume_from is not None:
        display.line(f"no checkpoint in {config.checkpoint.save_dir} to continue from: a new training")
    return Preparation(objective, run, training, validation, path, checkpoint, weights)


def _open_files(
    config: TrainConfig, objective: Objective[Any], sharing: int, display: Display
) -> list[Events]:
    workers = worker_count(config.data.num_workers, 1 << 62, sharing)
    threads = thread_count(config.data.num_threads, workers, sharing)
    opened = []
    for name, paths, optional in (
        ("training", config.data.train_path, (*ID_BRANCHES, *objective.sample_branches)),
        ("validation", config.data.val_path, RESULT_BRANCHES),
    ):
        events = open_events(paths, objective.truth_branches, config.data, optional=optional, threads=threads)
        objective.check_truth(events.truth, f"{name} files ({', '.join(paths)})")
        for note in events.notes:
            display.note(note)
        display.line(_counted(name, events))
        opened.append(events)
    training, validation = ({tree.path.resolve() for tree in events.reader.trees} for events in opened)
    for path in sorted(training & validation):
        display.warn(f"{path} is a training and a validation file: the validation is too good")
    return opened


def _counted(name: str, events: Events) -> str:
    n_files = len(events.reader.trees)
    text = f"{name}: {events.n_events} events in {n_files} file{'s' if n_files > 1 else ''}"
    if events.n_events < events.n_stored:
        text += f", {events.n_stored - events.n_events} of {events.n_stored} lie outside the fiducial volume"
    return text
