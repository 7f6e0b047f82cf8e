"""Learning physical quantities from their true values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from xec_models.metrics import task_metrics
from xec_models.regressor import XECRegressor
from xec_models.tasks import TASKS, task_truth
from xec_train.augmentation import drop_channels
from xec_train.config.sections import TrainConfig
from xec_train.data.loader import Batch
from xec_train.errors import TrainError
from xec_train.losses import LOSSES, Loss
from xec_train.objectives.base import LOSS, Arrays
from xec_train.results import write_regression_results

HEADLINES: dict[str, tuple[str, str]] = {
    "angle": ("val_resolution_deg", "deg"),
    "energy": ("energy_res_68pct", "GeV"),
    "timing": ("timing_res_68pct", "s"),
    "uvwFI": ("uvw_dist_68pct", "cm"),
    "angleVec": ("angleVec_resolution_deg", "deg"),
    "n_gamma": ("n_gamma_accuracy", ""),
}
"""The one metric of each task that tells how good it is, and its unit."""


class Regression:
    """The objective ``regression``: every enabled task has a head and a loss, which are added up.

    Parameters
    ----------
    config
        The training's configuration.
    """

    kind: str = XECRegressor.kind
    forward_methods: tuple[str, ...] = ("forward_standardized",)

    def __init__(self, config: TrainConfig) -> None:
        self.config = config
        self.tasks = config.enabled_tasks
        branches = [branch for task in self.tasks for branch in TASKS[task].truth]
        self.truth_branches = tuple(dict.fromkeys(branches))
        self.headlines: Mapping[str, str] = dict(HEADLINES[task] for task in self.tasks)

    def build_network(self) -> XECRegressor:
        """A new regressor."""
        return XECRegressor(self.config.model, self.tasks, self.config.normalization)

    def prepare(self, network: nn.Module, truth: Arrays) -> None:
        """Fit the standardization of the targets."""
        cast("XECRegressor", network).fit_targets({task: task_truth(task, truth) for task in self.tasks})

    def check_truth(self, truth: Arrays, source: str) -> None:
        """Refuse classes that do not exist, and values that a relative loss or a logarithm cannot use."""
        for task, config in self.tasks.items():
            values = np.asarray(task_truth(task, truth))
            branch, n_classes = " and ".join(TASKS[task].truth), TASKS[task].n_classes
            if n_classes and (values.min() < 0 or values.max() >= n_classes):
                raise TrainError(
                    f"{source}, branch '{branch}': values from {values.min():g} to {values.max():g}; "
                    f"expected classes 0 to {n_classes - 1}"
                )
            positive = config.log_transform or str(config.loss_fn).startswith("relative_")
            if positive and values.min() <= 0:
                key = "log_transform" if config.log_transform else "loss_fn"
                raise TrainError(
                    f"{source}, branch '{branch}': the smallest value is {values.min():g}; "
                    f"expected only positive ones, because of tasks.{task}.{key}: {getattr(config, key)}"
                )

    def augment(self, batch: Batch) -> Batch:
        """Make random sensors invalid."""
        return drop_channels(batch, self.config.training.channel_dropout_rate)

    def forward(self, network: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Raw outputs of the heads."""
        raw = cast("XECRegressor", network).forward_standardized(batch["npho"], batch["time"])
        return {task: values.float() for task, values in raw.items()}

    def losses(self, network: nn.Module, raw: Mapping[str, Tensor], batch: Batch) -> dict[str, Tensor]:
        """The weighted sum over the tasks, and each task's own loss as ``loss_<task>``."""
        parts = {task: self._task_loss(cast("XECRegressor", network), task, raw[task], batch) for task in raw}
        total = torch.stack([self.tasks[task].weight * part for task, part in parts.items()]).sum()
        return {LOSS: total, **{f"{LOSS}_{task}": part for task, part in parts.items()}}

    def outputs(self, network: nn.Module, raw: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Physical predictions, and ``<task>_sigma`` where a head has one."""
        return cast("XECRegressor", network).to_physical(raw)

    def metrics(self, outputs: Arrays, events: Arrays) -> dict[str, float]:
        """The metrics of every task."""
        return {
            name: value
            for task in self.tasks
            for name, value in task_metrics(task, outputs[task], task_truth(task, events)).items()
        }

    def write_results(self, run: Path, outputs: Arrays, events: Arrays) -> list[Path]:
        """One CSV file a task, and one ROOT file with everything."""
        return write_regression_results(run, tuple(self.tasks), outputs, events)

    def _task_loss(self, network: XECRegressor, task: str, raw: Tensor, batch: Batch) -> Tensor:
        config = self.tasks[task]
        loss = LOSSES[str(config.loss_fn)]
        prediction, target = _in_space(loss, network, task, raw, _truth(task, batch))
        return loss.function(prediction, target, float(config.loss_beta or 0.0)).mean()


def _truth(task: str, batch: Batch) -> Tensor:
    columns = [batch[branch].flatten(1) if batch[branch].ndim > 1 else batch[branch][:, None]
               for branch in TASKS[task].truth]  # fmt: skip
    return torch.cat(columns, dim=1)


def _in_space(
    loss: Loss, network: XECRegressor, task: str, raw: Tensor, truth: Tensor
) -> tuple[Tensor, Tensor]:
    """Prediction and target as a loss wants them."""
    if loss.space == "physical":
        convert = _VECTORS.get(task, _unchanged) if loss.name == "cosine" else _unchanged
        return convert(network.to_physical({task: raw})[task]), convert(truth)
    return raw, network.standardize_target(task, truth)


def _unchanged(values: Tensor) -> Tensor:
    return values


def _direction(angles: Tensor) -> Tensor:
    theta, phi = torch.deg2rad(angles).unbind(dim=1)
    across = torch.sin(theta)
    return torch.stack([-across * torch.cos(phi), across * torch.sin(phi), torch.cos(theta)], dim=1)


_VECTORS: dict[str, Callable[[Tensor], Tensor]] = {"angle": _direction}
"""Tasks whose outputs are no vectors: how the cosine loss makes them ones."""
