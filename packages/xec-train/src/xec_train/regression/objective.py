"""Regression of physical quantities on their true values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from torch import Tensor

from xec_data.checking.plausibility import implausible
from xec_data.tasks.table import TASKS, truth_branches
from xec_geometry import SensorTable, load_geometry
from xec_models.anchor.table import NO_ANCHOR
from xec_models.config.network import resolve_tasks
from xec_models.losses.table import LOSSES
from xec_models.regressor.event_losses import task_loss
from xec_models.regressor.predictions import loss_column
from xec_models.regressor.regressor import XECRegressor, anchor_key
from xec_models.regressor.targets import learns_logarithm
from xec_train.config.train_config import RegressionConfig
from xec_train.data.augmentation import RandomMirror, drop_channels
from xec_train.data.batch import Batch, truth_of
from xec_train.data.events import Events
from xec_train.errors import TrainError
from xec_train.objectives.balance import LearnedWeights
from xec_train.objectives.base import Objective
from xec_train.objectives.event_weights import EventWeights
from xec_train.objectives.report import Arrays
from xec_train.regression.anchor_sample import ANCHOR_TRUTH, fit_anchor
from xec_train.regression.report import RegressionReport
from xec_train.regression.reweighting import fit_task_weights

_WEIGHT = "weight_"
"""Prefix of the weights of events in a batch, followed by the task."""


class Regression(Objective[XECRegressor]):
    """The objective ``regression``: every enabled task has a head and a loss, which are added up.

    Parameters
    ----------
    config
        The training's configuration.
    """

    forward_methods = ("forward_standardized",)

    def __init__(self, config: RegressionConfig, geometry: SensorTable | None = None) -> None:
        super().__init__(LearnedWeights(_learned(config)), geometry or load_geometry(config.geometry))
        self.config = config
        self.tasks = config.enabled_tasks
        self.truth_branches = truth_branches(self.tasks)
        self.sample_branches = ANCHOR_TRUTH if config.model.anchor != NO_ANCHOR else ()
        self.mirror = RandomMirror(
            config.training.mirror, [TASKS[task] for task in self.tasks], self.geometry
        )
        self.event_weights: dict[str, EventWeights] = {}
        self.report = RegressionReport(self._weights)

    @property
    def uses_absolute_times(self) -> bool:
        """Whether a shift of all times matters: not to a network that counts them from its anchor's."""
        return self.config.model.anchor == NO_ANCHOR

    def build_network(self) -> XECRegressor:
        """Return a new regressor."""
        return XECRegressor(self.config.model, self.tasks, self.config.normalization, self.geometry)

    def prepare(self, network: XECRegressor, events: Events) -> None:
        """Fit the standardization of the targets, and the calibrations of the anchor to a sample."""
        network.fit_targets({task: TASKS[task].true_values(events.truth) for task in self.tasks})
        if network.anchor is not None:
            fit_anchor(network, events)

    def check_truth(self, truth: Arrays, source: str) -> None:
        """Check that classes exist, units are right, and values suit a relative loss or a logarithm."""
        for task in self.tasks:
            values = np.asarray(TASKS[task].true_values(truth))
            unusable = int(np.count_nonzero(~np.isfinite(values).all(axis=1)))
            if unusable:
                raise TrainError(
                    f"{source}: the truth of the task '{task}' ({TASKS[task].truth}) is NaN or infinite in "
                    f"{unusable} of {len(values)} events; expected finite values"
                )
            branch, n_classes = str(TASKS[task].truth), TASKS[task].n_classes
            if n_classes and (values.min() < 0 or values.max() >= n_classes):
                raise TrainError(
                    f"{source}, branch '{branch}': values from {values.min():g} to {values.max():g}; "
                    f"expected classes 0 to {n_classes - 1}"
                )
            if problem := implausible(task, values):
                raise TrainError(f"{source}, branch '{branch}': {problem}")
            reason = self._needs_positive(task)
            if reason and values.min() <= 0:
                raise TrainError(
                    f"{source}, branch '{branch}': the smallest value is {values.min():g}; "
                    f"expected only positive ones, because of {reason}"
                )

    def _needs_positive(self, task: str) -> str:
        """Return the key because of which every true value of a task must be positive; empty if none is."""
        config, spec, anchor = self.tasks[task], TASKS[task], self.config.model.anchor
        if LOSSES[str(config.loss_fn)].positive_truth:
            return f"tasks.{task}.loss_fn: {config.loss_fn}"
        anchored = anchor != NO_ANCHOR and spec.anchor is not None
        if not learns_logarithm(spec, config, anchored=anchored):
            return ""
        return f"tasks.{task}.log_transform: True" if config.log_transform else f"model.anchor: {anchor}"

    def fit_event_weights(self, events: Events, folder: Path, *, resumed: bool, write: bool) -> list[str]:
        """Fit weights by task to histograms of the true values."""
        self.event_weights, lines = fit_task_weights(
            self.config.reweighting.enabled,
            tuple(self.tasks),
            events.truth,
            folder,
            resumed=resumed,
            write=write,
        )
        return lines

    def augment(self, batch: Batch) -> Batch:
        """Reflect events, make random sensors invalid, and add the weights of every event."""
        # Weights are inverse to the density of the events in the files, so an event has the weight of its
        # place there: then reflected events are as flat as the others. Looked up afterwards, those of a bin
        # would be weighted by the density of that bin alone, although some came from its mirror image.
        weights = {
            _WEIGHT + task: table.of(truth_of(TASKS[task], batch))
            for task, table in self.event_weights.items()
        }
        batch = drop_channels(self.mirror(batch), self.config.training.channel_dropout_rate)
        batch = self.dead_channels(batch)
        return {**batch, **weights}

    def forward(self, network: XECRegressor, batch: Batch) -> dict[str, Tensor]:
        """Return the raw outputs of the heads."""
        raw = network.forward_standardized(batch["npho"], batch["time"])
        return {name: values.float() for name, values in raw.items()}

    def losses(self, network: XECRegressor, raw: Mapping[str, Tensor], batch: Batch) -> dict[str, Tensor]:
        """Return the weighted sum over the tasks, and each task's own loss as ``loss_<task>``."""
        parts = {}
        for task, per_event in self._task_losses(network, raw, batch).items():
            # Only training gives weights: in validation every event counts once.
            weights = batch.get(_WEIGHT + task)
            parts[task] = (per_event if weights is None else weights * per_event).mean()
        return self._with_total(parts)

    def event_losses(
        self, network: XECRegressor, raw: Mapping[str, Tensor], batch: Batch
    ) -> dict[str, Tensor]:
        """Return the loss of each event, and its loss in each task as ``loss_<task>``."""
        return self._with_total(self._task_losses(network, raw, batch))

    def _task_losses(
        self, network: XECRegressor, raw: Mapping[str, Tensor], batch: Batch
    ) -> dict[str, Tensor]:
        tasks = [name for name in self.tasks if name in raw]
        return {task: task_loss(network, task, raw, truth_of(TASKS[task], batch)) for task in tasks}

    def _with_total(self, parts: Mapping[str, Tensor]) -> dict[str, Tensor]:
        total = self.learned(parts, self._weights)
        return {loss_column(): total, **{loss_column(task): part for task, part in parts.items()}}

    def outputs(self, network: XECRegressor, raw: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return physical predictions, ``<task>_sigma`` where a head has one, and the anchor's values."""
        anchors = {name: raw[name] for name in map(anchor_key, self.tasks) if name in raw}
        return {**network.to_physical(raw), **anchors}

    @property
    def loss_names(self) -> list[str]:
        """``loss``, and ``loss_<task>``."""
        return [loss_column(), *map(loss_column, self.tasks)]

    @property
    def _weights(self) -> dict[str, float]:
        return {task: config.weight for task, config in self.tasks.items()}


def _learned(config: RegressionConfig) -> list[str]:
    """Return the tasks whose weight is learned; the likelihood of an uncertainty has a σ of its own."""
    if config.loss_balance != "auto":
        return []
    tasks = resolve_tasks(config.enabled_tasks)
    return [name for name, task in tasks.items() if not task.predicts_uncertainty]
