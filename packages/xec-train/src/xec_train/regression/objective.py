"""Learning physical quantities from their true values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from xec_data.tasks.table import TASKS, truth_branches
from xec_models.blocks.namespace import TORCH
from xec_models.losses import LOSSES, Loss
from xec_models.regressor.metrics import sigma_factors, task_metrics
from xec_models.regressor.regressor import SIGMA, XECRegressor
from xec_train.config.train_config import RegressionConfig
from xec_train.data.augmentation import drop_channels
from xec_train.data.batch import Batch, derived_key
from xec_train.data.events import Events
from xec_train.errors import TrainError
from xec_train.objectives.balance import loss_weights, total_loss
from xec_train.objectives.base import LOSS, Arrays
from xec_train.processes.group import Processes
from xec_train.regression.results import write_regression_results
from xec_train.regression.reweighting import EventWeights, weigh_events

_WEIGHT = "weight_"
"""What stands before the task in the name of an event's weight in a batch."""


class Regression:
    """The objective ``regression``: every enabled task has a head and a loss, which are added up.

    Parameters
    ----------
    config
        The training's configuration.
    """

    kind: str = XECRegressor.kind
    forward_methods: tuple[str, ...] = ("forward_standardized",)
    next_steps: Mapping[str, str] = {
        "xec predict {best} IN.root -o OUT.root": "the network on other files",
        "xec plot {run}": "plots of the validation",
    }

    def __init__(self, config: RegressionConfig) -> None:
        self.config = config
        self.tasks = config.enabled_tasks
        self.truth_branches = truth_branches(self.tasks)
        self.event_weights: dict[str, EventWeights] = {}
        self.headlines: Mapping[str, str] = dict(TASKS[task].headline for task in self.tasks)

    def build_network(self) -> XECRegressor:
        """A new regressor."""
        automatic = self.config.loss_balance == "auto"
        return XECRegressor(
            self.config.model, self.tasks, self.config.normalization, learn_loss_weights=automatic
        )

    def prepare(self, network: nn.Module, truth: Arrays) -> None:
        """Fit the standardization of the targets."""
        cast("XECRegressor", network).fit_targets(
            {task: TASKS[task].true_values(truth) for task in self.tasks}
        )

    def check_truth(self, truth: Arrays, source: str) -> None:
        """Refuse classes that do not exist, and values that a relative loss or a logarithm cannot use."""
        for task, config in self.tasks.items():
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
            positive = config.log_transform or LOSSES[str(config.loss_fn)].positive_truth
            if positive and values.min() <= 0:
                key = "log_transform" if config.log_transform else "loss_fn"
                raise TrainError(
                    f"{source}, branch '{branch}': the smallest value is {values.min():g}; "
                    f"expected only positive ones, because of tasks.{task}.{key}: {getattr(config, key)}"
                )

    def weigh_events(self, events: Events, folder: Path, *, resumed: bool, write: bool) -> list[str]:
        """Weights by task from histograms of the true values."""
        self.event_weights, lines = weigh_events(
            self.config.reweighting.enabled,
            tuple(self.tasks),
            events.truth,
            folder,
            resumed=resumed,
            write=write,
        )
        return lines

    def augment(self, batch: Batch) -> Batch:
        """Make random sensors invalid, and give every event its weights."""
        weights = {
            _WEIGHT + task: table.of(_truth(task, batch)) for task, table in self.event_weights.items()
        }
        return {**drop_channels(batch, self.config.training.channel_dropout_rate), **weights}

    def join(
        self,
        network: nn.Module,  # noqa: ARG002
        window: list[Batch],
        n_events: int,  # noqa: ARG002
        processes: Processes,  # noqa: ARG002
    ) -> list[Batch]:
        """Nothing: losses are means over events."""
        return window

    def forward(self, network: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Raw outputs of the heads."""
        raw = cast("XECRegressor", network).forward_standardized(batch["npho"], batch["time"])
        return {task: values.float() for task, values in raw.items()}

    def losses(self, network: nn.Module, raw: Mapping[str, Tensor], batch: Batch) -> dict[str, Tensor]:
        """The weighted sum over the tasks, and each task's own loss as ``loss_<task>``."""
        regressor = cast("XECRegressor", network)
        parts = {}
        for task, values in raw.items():
            per_event = task_loss(regressor, task, values, _truth(task, batch))
            # Only training gives weights: in validation every event counts once.
            weights = batch.get(_WEIGHT + task)
            parts[task] = (per_event if weights is None else weights * per_event).mean()
        total = total_loss(parts, self._weights, _log_variances(regressor))
        return {LOSS: total, **{f"{LOSS}_{task}": part for task, part in parts.items()}}

    def outputs(self, network: nn.Module, raw: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Physical predictions, and ``<task>_sigma`` where a head has one."""
        return cast("XECRegressor", network).to_physical(raw)

    def overall(
        self,
        network: nn.Module,  # noqa: ARG002
        means: dict[str, float],
        outputs: Mapping[str, Tensor],  # noqa: ARG002
        processes: Processes,  # noqa: ARG002
    ) -> dict[str, float]:
        """Losses are means over events."""
        return means

    def metrics(self, outputs: Arrays, events: Arrays) -> dict[str, float]:
        """The metrics of every task."""
        return {
            name: value
            for task in self.tasks
            for name, value in task_metrics(
                task, outputs[task], TASKS[task].true_values(events), outputs.get(task + SIGMA)
            ).items()
        }

    def sigma_factors(self, outputs: Arrays, events: Arrays) -> dict[str, list[float]]:
        """For every head with an uncertainty."""
        return {
            task: sigma_factors(task, outputs[task], outputs[task + SIGMA], TASKS[task].true_values(events))
            for task in self.tasks
            if task + SIGMA in outputs
        }

    def figures(self, network: nn.Module) -> dict[str, float]:
        """``loss_weight_<task>`` if these are learnt."""
        if self.config.loss_balance != "auto":
            return {}
        learnt = loss_weights(self._weights, _log_variances(cast("XECRegressor", network)))
        return {f"loss_weight_{task}": weight for task, weight in learnt.items()}

    def write_results(self, run: Path, outputs: Arrays, events: Arrays) -> list[Path]:
        """One CSV file a task, and one ROOT file with everything."""
        return write_regression_results(run, tuple(self.tasks), outputs, events)

    def write_readings(
        self,
        run: Path,  # noqa: ARG002
        network: nn.Module,  # noqa: ARG002
        batches: Iterator[Batch],  # noqa: ARG002
    ) -> list[Path]:
        """Nothing."""
        return []

    @property
    def _weights(self) -> dict[str, float]:
        return {task: config.weight for task, config in self.tasks.items()}


def task_loss(network: XECRegressor, task: str, raw: Tensor, truth: Tensor) -> Tensor:
    """Loss (n,) of each event, from a head's raw output and the true values (n, columns)."""
    config = network.task_configs[task]
    loss = LOSSES[str(config.loss_fn)]
    prediction, target = _in_space(loss, network, task, raw, truth)
    return loss.per_event(prediction, target, float(config.loss_beta or 0.0))


def _log_variances(network: XECRegressor) -> dict[str, Tensor]:
    return dict(network.log_variances.items())


def _truth(task: str, batch: Batch) -> Tensor:
    """True values (n, columns) of a batch; those that a function derives are already in it."""
    truth = TASKS[task].truth
    branches = truth.branches if truth.function is None else (derived_key(task),)
    return torch.cat([batch[branch].reshape(len(batch[branch]), -1) for branch in branches], dim=1)


def _in_space(
    loss: Loss, network: XECRegressor, task: str, raw: Tensor, truth: Tensor
) -> tuple[Tensor, Tensor]:
    """Prediction and target as a loss wants them."""
    if loss.space in ("standardized", "classes"):
        return raw, network.standardize_target(task, truth)
    physical, direction = network.to_physical({task: raw})[task], TASKS[task].direction
    if loss.space == "direction" and direction is not None:
        return direction(TORCH, physical), direction(TORCH, truth)
    return physical, truth
