"""Heads: from the tokens to one task's numbers, and the scale that these are learnt on."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike
from torch import Tensor, nn

from xec_data.tasks.task import Task
from xec_models.config.network import TaskConfig
from xec_models.errors import ModelError

DROPOUT = 0.2


def build_head(spec: Task, config: TaskConfig, features: int, hidden: int) -> nn.Sequential:
    """The head of one task.

    Parameters
    ----------
    spec, config
        The task.
    features
        Number of inputs: all tokens side by side.
    hidden
        Width of the two hidden layers.

    Returns
    -------
    Sequential
        (B, features) to (B, n_outputs), twice as many with an uncertainty (means, log variances).
    """
    outputs = spec.n_outputs * (2 if config.predicts_uncertainty else 1)
    return nn.Sequential(
        nn.Linear(features, hidden),
        nn.LayerNorm(hidden),
        nn.GELU(),
        nn.Dropout(DROPOUT),
        nn.Linear(hidden, hidden),
        nn.GELU(),
        nn.Linear(hidden, outputs),
    )


class TargetScale(nn.Module):
    """Physical values to numbers of order 1 and back: (value − shift) / scale, or of log(value).

    Shift and scale come from the training data and stay with the network as buffers. Classes pass
    through unchanged. `sigma_factor` corrects predicted uncertainties; it is 1 in training, where it is
    measured, and comes with a checkpoint beside the parameters.

    Parameters
    ----------
    spec, config
        The task.
    """

    shift: Tensor
    scale: Tensor
    sigma_factor: Tensor

    def __init__(self, spec: Task, config: TaskConfig) -> None:
        super().__init__()
        self.spec = spec
        self.log_transform = config.log_transform
        self.uncertainty = config.predicts_uncertainty
        self.register_buffer("shift", torch.zeros(spec.n_outputs))
        self.register_buffer("scale", torch.ones(spec.n_outputs))
        # Not among the parameters of a checkpoint: an average over steps has nothing to do with it.
        self.register_buffer("sigma_factor", torch.ones(spec.n_outputs), persistent=False)

    def fit(self, truth: ArrayLike) -> None:
        """Set shift and scale to mean and standard deviation of the training data.

        Parameters
        ----------
        truth
            (n, n_outputs) true values.

        Raises
        ------
        ModelError
            If there are none, some are not finite, or the logarithm of one is wanted and undefined.
        """
        if self.spec.n_classes:
            return
        values = np.asarray(truth, np.float64)
        if values.ndim != 2 or values.shape[1] != self.spec.n_outputs or not len(values):
            raise ModelError(
                f"truth of task '{self.spec.name}' has the shape {values.shape}, "
                f"expected (n, {self.spec.n_outputs}) with n > 0"
            )
        invalid = int(np.count_nonzero(~np.isfinite(values).all(axis=1)))
        if invalid:
            raise ModelError(
                f"truth of task '{self.spec.name}' ({self.spec.truth}): {invalid} of "
                f"{len(values)} events are NaN or infinite, expected finite values"
            )
        if self.log_transform:
            lowest = float(values.min())
            if lowest <= 0.0:
                raise ModelError(
                    f"tasks.{self.spec.name}.log_transform: the smallest true value is {lowest:g} "
                    f"{self.spec.unit}, expected only positive ones"
                )
            values = np.log(values)
        mean, width = values.mean(axis=0), values.std(axis=0)
        # A constant has no width beyond rounding; dividing by that would blow up noise.
        width = np.where(width > 1e-6 * np.abs(mean), width, np.where(mean != 0.0, np.abs(mean), 1.0))
        self.shift.copy_(torch.as_tensor(mean))
        self.scale.copy_(torch.as_tensor(width))

    def standardize(self, truth: Tensor) -> Tensor:
        """Physical (B, n_outputs) to standardized; classes unchanged."""
        if self.spec.n_classes:
            return truth
        return ((truth.log() if self.log_transform else truth) - self.shift) / self.scale

    def physical(self, raw: Tensor) -> Tensor:
        """A head's output (B, n) to physical values (B, n_outputs); probabilities for classes."""
        if self.spec.n_classes:
            return F.softmax(raw, dim=-1)
        value = self._mean(raw) * self.scale + self.shift
        if self.log_transform:
            return value.exp()
        return F.normalize(value, dim=-1) if self.spec.unit_vector else value

    def sigma(self, raw: Tensor) -> Tensor:
        """Standard deviation (B, n_outputs), physical, from a head with uncertainty.

        With a logarithm: to first order, σ(log value) · value.
        """
        width = (0.5 * raw[..., self.spec.n_outputs :]).exp() * self.scale * self.sigma_factor
        return width * self.physical(raw) if self.log_transform else width

    def _mean(self, raw: Tensor) -> Tensor:
        return raw[..., : self.spec.n_outputs]

    def extra_repr(self) -> str:
        """The task, for printing."""
        options: dict[str, Any] = {"log_transform": self.log_transform, "uncertainty": self.uncertainty}
        return ", ".join([self.spec.name, *(name for name, value in options.items() if value)])
