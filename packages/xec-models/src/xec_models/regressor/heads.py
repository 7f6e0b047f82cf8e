"""Heads of the tasks, and the scales of their targets."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike
from torch import Tensor, nn

from xec_data.tasks.task import Task
from xec_models.config.network import TaskConfig
from xec_models.errors import ModelError
from xec_models.losses.table import LOSSES

DROPOUT = 0.2

# Prefixes of the names of a regressor's parameters.
HEADS, TARGETS = "heads.", "targets."
# Names of the first and the last layer in a state dictionary.
_FIRST, _FINAL = 0, 6


class TaskHead(nn.Sequential):
    """The head of one task: (B, features) to (B, n_outputs), twice as many with an uncertainty.

    With an uncertainty the means come first, then the log variances.

    Parameters
    ----------
    spec, config
        The task.
    features
        Number of inputs: all tokens concatenated.
    hidden
        Width of the two hidden layers.
    """

    def __init__(self, spec: Task, config: TaskConfig, features: int, hidden: int) -> None:
        outputs = spec.n_outputs * (2 if config.predicts_uncertainty else 1)
        super().__init__(
            nn.Linear(features, hidden),
            nn.LayerNorm(hidden),
            nn.GELU(),
            nn.Dropout(DROPOUT),
            nn.Linear(hidden, hidden),
            nn.GELU(),
            nn.Linear(hidden, outputs),
        )

    @property
    def final(self) -> nn.Linear:
        """The layer that gives the outputs."""
        return cast("nn.Linear", self[-1])

    def rescale(self, old: TargetScale, shift: Tensor, scale: Tensor) -> None:
        """Adapt the final layer to another scale of the targets, with the same physical outputs.

        Parameters
        ----------
        old
            The present scale of the targets.
        shift, scale
            (n_outputs,) of the new scale.
        """
        n = len(scale)
        new_shift, new_scale = shift.double(), scale.double()
        ratio = old.scale.double() / new_scale
        weight, bias = (value.detach().double().clone() for value in (self.final.weight, self.final.bias))
        weight[:n] *= ratio.unsqueeze(1)
        bias[:n] = bias[:n] * ratio + (old.shift.double() - new_shift) / new_scale
        # Log variances may follow the means.
        bias[n:] += 2 * ratio.log()[: len(bias) - n]
        with torch.no_grad():
            self.final.weight.copy_(weight)
            self.final.bias.copy_(bias)

    @staticmethod
    def hidden_width(state: Mapping[str, Tensor]) -> int:
        """Read the width of the hidden layers off the parameters of a head."""
        return len(_bias(state, _FIRST))

    @staticmethod
    def output_width(state: Mapping[str, Tensor]) -> int:
        """Read the number of outputs off the parameters of a head."""
        return len(_bias(state, _FINAL))

    @staticmethod
    def with_first_outputs(state: Mapping[str, Tensor], n: int) -> dict[str, Tensor]:
        """Cut the parameters of a head to those of its first `n` outputs."""
        return {
            name: value[:n].clone() if name.startswith(f"{_FINAL}.") else value
            for name, value in state.items()
        }


def heads_of(state: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """Return the heads' parameters in a state dictionary: by task, under their names within the head."""
    heads: dict[str, dict[str, Tensor]] = {}
    for name, value in state.items():
        if name.startswith(HEADS):
            task, _, part = name.removeprefix(HEADS).partition(".")
            heads.setdefault(task, {})[part] = value
    return heads


def state_of_task(task: str, head: Mapping[str, Tensor], shift: Tensor, scale: Tensor) -> dict[str, Tensor]:
    """Name the parameters of a head, and the scale of its targets, as in a regressor's state dictionary."""
    named = {f"{HEADS}{task}.{name}": value for name, value in head.items()}
    return {**named, f"{TARGETS}{task}.shift": shift, f"{TARGETS}{task}.scale": scale}


def _bias(state: Mapping[str, Tensor], layer: int) -> Tensor:
    name = f"{layer}.bias"
    if name not in state:
        raise ModelError(f"a head has no parameter '{name}'; found {', '.join(state) or 'nothing'}")
    return state[name]


class TargetScale(nn.Module):
    """Standardization of targets, and its inverse: (value − shift) / scale, or that of log(value).

    Shift and scale come from the training data and stay with the network as buffers. Classes pass
    through unchanged. `sigma_factor` corrects predicted uncertainties; it is 1 in training, where it is
    measured; a checkpoint stores it beside the parameters.

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
        self._log_variance = LOSSES[str(config.loss_fn)].log_variance if self.uncertainty else None
        self.register_buffer("shift", torch.zeros(spec.n_outputs))
        self.register_buffer("scale", torch.ones(spec.n_outputs))
        # Not persistent: it must not enter the moving average of the weights.
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
            If there are none, some are not finite, or a logarithm is undefined.
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

    def constants(self) -> tuple[Tensor, Tensor]:
        """Return copies of shift and scale, (n_outputs,) each."""
        return self.shift.clone(), self.scale.clone()

    def standardize(self, truth: Tensor) -> Tensor:
        """Standardize physical values (B, n_outputs); classes stay unchanged."""
        if self.spec.n_classes:
            return truth
        return ((truth.log() if self.log_transform else truth) - self.shift) / self.scale

    def nearest_turn(self, raw: Tensor, target: Tensor) -> Tensor:
        """Shift standardized targets of angles by full turns, to within half a turn of a head's output.

        Parameters
        ----------
        raw
            (B, n) output of the head.
        target
            (B, n_outputs) of `standardize`.
        """
        periods = [output.period for output in self.spec.outputs]
        if self.log_transform or not any(periods):
            return target
        turn = torch.tensor([period or math.inf for period in periods]).to(self.scale) / self.scale
        turns = ((self._mean(raw.detach()) - target) / turn).round()
        return target + torch.where(turn.isfinite(), turns * turn, 0.0)

    def physical(self, raw: Tensor) -> Tensor:
        """Convert a head's output (B, n) to physical values (B, n_outputs); probabilities for classes."""
        if self.spec.n_classes:
            return F.softmax(raw, dim=-1)
        value = self._mean(raw) * self.scale + self.shift
        if self.log_transform:
            return value.exp()
        return F.normalize(value, dim=-1) if self.spec.unit_vector else value

    def sigma(self, raw: Tensor) -> Tensor:
        """Return the physical standard deviation (B, n_outputs) of a head with uncertainty.

        With a logarithm: to first order, σ(log value) · value.
        """
        if self._log_variance is None:
            raise ModelError(
                f"the task '{self.spec.name}' has no uncertainty, expected a loss that predicts σ"
            )
        log_variance = self._log_variance(raw[..., self.spec.n_outputs :])
        width = (0.5 * log_variance).exp() * self.scale * self.sigma_factor
        return width * self.physical(raw) if self.log_transform else width

    def _mean(self, raw: Tensor) -> Tensor:
        return raw[..., : self.spec.n_outputs]

    def extra_repr(self) -> str:
        """Return the task, for printing."""
        options: dict[str, Any] = {"log_transform": self.log_transform, "uncertainty": self.uncertainty}
        return ", ".join([self.spec.name, *(name for name, value in options.items() if value)])
