"""The regressor: physical quantities from the raw readings of all sensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from xec_data.normalization.transforms import NormalizationConfig
from xec_data.tasks.table import TASKS
from xec_models.config.network import ModelConfig, TaskConfig, enabled_tasks
from xec_models.encoder.encoder import XECEncoder
from xec_models.encoder.inputs import split_readings
from xec_models.encoder.network import Network
from xec_models.errors import ModelError
from xec_models.regressor.heads import TargetScale, TaskHead
from xec_models.regressor.predictions import SIGMA_SUFFIX


class XECRegressor(Network):
    """Encoder and one head per enabled task.

    Parameters
    ----------
    model
        Shape of the network.
    tasks
        Head, loss and weight of each task by its name; tasks that are not enabled get no head.
    normalization
        Constants of the inputs.

    Raises
    ------
    ModelError
        If a task or its loss does not exist, or none is enabled.
    """

    kind = "regressor"

    def __init__(
        self,
        model: ModelConfig,
        tasks: Mapping[str, TaskConfig],
        normalization: NormalizationConfig,
    ) -> None:
        super().__init__()
        self.model_config = model
        self.normalization = normalization
        self.task_configs = enabled_tasks(tasks)
        self.encoder = XECEncoder(model, normalization)
        features = len(self.encoder.faces) * model.encoder_dim
        self.heads = nn.ModuleDict()
        self.targets = nn.ModuleDict()
        for name, config in self.task_configs.items():
            self.heads[name] = TaskHead(TASKS[name], config, features, model.hidden_dim)
            self.targets[name] = TargetScale(TASKS[name], config)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> XECRegressor:
        """Build from ``model``, ``tasks`` and ``normalization`` of a plain configuration."""
        return cls(
            ModelConfig.model_validate(config["model"]),
            {name: TaskConfig.model_validate(task) for name, task in config["tasks"].items()},
            NormalizationConfig.model_validate(config["normalization"]),
        )

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that have a head, in order."""
        return tuple(self.task_configs)

    def forward(self, npho: ArrayLike | Tensor, time: ArrayLike | Tensor | None = None) -> dict[str, Tensor]:
        """Predict from raw readings.

        Parameters
        ----------
        npho
            (B, sensors) photons, invalid readings as they come (1e10, NaN, ±inf); or both stacked,
            (B, sensors, 2).
        time
            (B, sensors) times in seconds; omitted if stacked.

        Returns
        -------
        dict
            (B, n_outputs) by task, in the task's unit (angles in degrees): probabilities for
            `n_gamma`, vectors of length 1 for `angleVec`. Heads with an uncertainty add
            ``<task>_sigma``.
        """
        return self.to_physical(self.forward_standardized(npho, time))

    def forward_standardized(
        self, npho: ArrayLike | Tensor, time: ArrayLike | Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return the raw outputs of the heads, in the space of the losses; parameters as in `forward`.

        Compare with `standardize_target`. A head with an uncertainty gives means, then log variances;
        `n_gamma` gives logits.
        """
        readings = split_readings(npho, time, self.device)
        return self.apply_heads(self.encode_normalized(self.encoder.normalizer(*readings)))

    def forward_normalized(self, x: Tensor) -> dict[str, Tensor]:
        """Predict from normalized readings (B, sensors, 2); otherwise as `forward`."""
        return self.to_physical(self.apply_heads(self.encode_normalized(x)))

    def apply_heads(self, tokens: Tensor) -> dict[str, Tensor]:
        """Compute the raw outputs of the heads from tokens (B, tokens, encoder_dim)."""
        features = tokens.flatten(1)
        return {name: head(features) for name, head in self.heads.items()}

    def to_physical(self, raw: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Convert raw outputs of the heads to those of `forward`; differentiable."""
        physical: dict[str, Tensor] = {}
        for name, values in raw.items():
            target = self.target_scale(name)
            physical[name] = target.physical(values)
            if target.uncertainty:
                physical[name + SIGMA_SUFFIX] = target.sigma(values)
        return physical

    def standardize_target(self, task: str, truth: Tensor) -> Tensor:
        """Convert true values (B, n_outputs) to the space of `forward_standardized`; not classes."""
        return self.target_scale(task).standardize(truth)

    def fit_targets(self, truth: Mapping[str, ArrayLike]) -> None:
        """Set the scale of every task from the training data.

        Parameters
        ----------
        truth
            (n, n_outputs) true values by task; a sample of the training data is enough.

        Raises
        ------
        ModelError
            If a task is missing, or its values cannot be standardized (empty, NaN, log of ≤ 0).
        """
        for task in self.tasks:
            if task not in truth:
                raise ModelError(f"no true values for the task '{task}', expected {', '.join(self.tasks)}")
            self.target_scale(task).fit(truth[task])

    @contextmanager
    def keeping_target_scales(self) -> Iterator[None]:
        """Keep the scale of every target while other parameters are loaded, and adapt the heads to it."""
        scales = {task: self.target_scale(task).constants() for task in self.tasks}
        yield
        for task, (shift, scale) in scales.items():
            target = self.target_scale(task)
            if not target.spec.n_classes:
                cast("TaskHead", self.heads[task]).rescale(target, shift, scale)
                target.shift.copy_(shift)
                target.scale.copy_(scale)

    def set_sigma_factors(self, factors: Mapping[str, Sequence[float]]) -> None:
        """Correct predicted uncertainties.

        Parameters
        ----------
        factors
            By task, a factor for each output; see `xec_models.regressor.metrics.sigma_factors`.

        Raises
        ------
        ModelError
            If a task has no uncertainty, or another number of outputs.
        """
        for task, values in factors.items():
            target = self.target_scale(task)
            if not target.uncertainty or len(values) != len(target.sigma_factor):
                expected = len(target.sigma_factor) if target.uncertainty else "none: it predicts none"
                raise ModelError(
                    f"{len(values)} factors on the uncertainties of the task '{task}', expected {expected}"
                )
            target.sigma_factor.copy_(torch.as_tensor(values))

    def target_scale(self, task: str) -> TargetScale:
        """Return the scale of the targets of a task.

        Raises
        ------
        ModelError
            If the network has no such task.
        """
        if task not in self.task_configs:
            raise ModelError(f"the network has no task '{task}', expected one of {', '.join(self.tasks)}")
        return cast("TargetScale", self.targets[task])
