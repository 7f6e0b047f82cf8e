"""The scale of the targets of a task: from true values to what a head learns, and back."""

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
from xec_models.losses.table import LOSSES
from xec_models.regressor.metrics import GAUSSIAN_HALF_WIDTH, half_width_68


def learns_logarithm(spec: Task, config: TaskConfig, *, anchored: bool) -> bool:
    """Tell whether a head learns the logarithm: as configured, or for a factor on an anchor's value."""
    return config.log_transform or (anchored and spec.positive)


class TargetScale(nn.Module):
    """Standardization of targets, and its inverse: (value − shift) / scale, or that of log(value).

    With an anchor the shift of an event is the anchor's value, and the scale the robust spread of the
    residuals; positive values are compared by their logarithms, angles along the shorter way round.

    Shift and scale come from the training data and stay with the network as buffers. Classes pass
    through unchanged. `sigma_factor` corrects predicted uncertainties; it is 1 in training, where it is
    measured; a checkpoint stores it beside the parameters, as it does `residual_factor`, which is 0 where the
    network does not improve on the anchor.

    Parameters
    ----------
    spec, config
        The task.
    anchored
        Whether the network has an anchor for the task.
    """

    shift: Tensor
    scale: Tensor
    sigma_factor: Tensor
    residual_factor: Tensor
    turn: Tensor

    def __init__(self, spec: Task, config: TaskConfig, *, anchored: bool = False) -> None:
        super().__init__()
        self.spec, self.anchored = spec, anchored
        self.log_transform = learns_logarithm(spec, config, anchored=anchored)
        self.uncertainty = config.predicts_uncertainty
        self._log_variance = LOSSES[str(config.loss_fn)].log_variance if self.uncertainty else None
        periods = [output.period or 0.0 for output in spec.outputs]
        turns = [0.0] * spec.n_outputs if spec.n_classes else periods
        self.cyclic = any(turns)
        self.register_buffer("turn", torch.tensor(turns), persistent=False)
        self.register_buffer("shift", torch.zeros(spec.n_outputs))
        self.register_buffer("scale", torch.ones(spec.n_outputs))
        # Not persistent: it must not enter the moving average of the weights.
        self.register_buffer("sigma_factor", torch.ones(spec.n_outputs), persistent=False)
        self.register_buffer("residual_factor", torch.ones(spec.n_outputs), persistent=False)

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

    @torch.no_grad()
    def fit_residuals(self, truth: Tensor, anchor: Tensor) -> None:
        """Set the scale to the robust spread of the residuals of an anchor, and the shift to zero.

        Parameters
        ----------
        truth, anchor
            (n, n_outputs) physical values; events without an anchor do not count.

        Raises
        ------
        ModelError
            If no event has a finite residual.
        """
        residual = self._value(truth.double()) - self._value(anchor.double())
        residual = self._shorter_way(residual)
        residual = residual[residual.isfinite().all(dim=1)]
        if not len(residual):
            raise ModelError(
                f"task '{self.spec.name}': no event has a finite residual of the anchor, expected some"
            )
        for number, column in enumerate(residual.cpu().numpy().T):
            width = half_width_68(column) / GAUSSIAN_HALF_WIDTH
            self.scale[number] = width if width > 0 else 1.0
        self.shift.zero_()

    def constants(self) -> tuple[Tensor, Tensor]:
        """Return copies of shift and scale, (n_outputs,) each."""
        return self.shift.clone(), self.scale.clone()

    def standardize(self, truth: Tensor, anchor: Tensor | None = None) -> Tensor:
        """Standardize physical values (B, n_outputs); classes stay unchanged.

        Parameters
        ----------
        truth
            True values.
        anchor
            (B, n_outputs) values of the anchor, for a task that has one.
        """
        if self.spec.n_classes:
            return truth
        value = self._value(truth)
        if anchor is not None:
            value = self._shorter_way(value - self._value(anchor))
        return (value - self.shift) / self.scale

    def nearest_turn(self, raw: Tensor, target: Tensor) -> Tensor:
        """Shift standardized targets of angles by full turns, to within half a turn of a head's output.

        Parameters
        ----------
        raw
            (B, n) output of the head.
        target
            (B, n_outputs) of `standardize`.
        """
        if not self.cyclic:
            return target
        mean = self._mean(raw.detach())
        return mean + self._shorter_way((target - mean) * self.scale) / self.scale

    def physical(self, raw: Tensor, anchor: Tensor | None = None) -> Tensor:
        """Convert a head's output (B, n) to physical values (B, n_outputs); probabilities for classes.

        Parameters
        ----------
        raw
            Output of the head.
        anchor
            (B, n_outputs) values of the anchor, for a task that has one; the result is NaN where it is.
        """
        if self.spec.n_classes:
            return F.softmax(raw, dim=-1)
        value = self._mean(raw) * self.scale + self.shift
        if anchor is not None:
            value = self._value(anchor) + value * self.residual_factor
            if self.cyclic:
                value = self._shorter_way(value)
        if self.log_transform:
            return value.exp()
        return F.normalize(value, dim=-1) if self.spec.unit_vector else value

    def sigma(self, raw: Tensor, anchor: Tensor | None = None) -> Tensor:
        """Return the physical standard deviation (B, n_outputs) of a head with uncertainty.

        With a logarithm: to first order, σ(log value) · value. Parameters as in `physical`.
        """
        if self._log_variance is None:
            raise ModelError(
                f"the task '{self.spec.name}' has no uncertainty, expected a loss that predicts σ"
            )
        log_variance = self._log_variance(raw[..., self.spec.n_outputs :])
        width = (0.5 * log_variance).exp() * self.scale * self.sigma_factor
        if anchor is not None:
            width = torch.where(anchor.isfinite(), width, torch.nan)
        return width * self.physical(raw, anchor) if self.log_transform else width

    def _value(self, physical: Tensor) -> Tensor:
        return physical.log() if self.log_transform else physical

    def _shorter_way(self, difference: Tensor) -> Tensor:
        """Bring differences of angles into half a turn around zero."""
        if not self.cyclic:
            return difference
        turn = self.turn.clamp_min(1.0)
        wrapped = difference - turn * torch.floor(difference / turn + 0.5)
        return torch.where(self.turn > 0, wrapped, difference)

    def _mean(self, raw: Tensor) -> Tensor:
        return raw[..., : self.spec.n_outputs]

    def extra_repr(self) -> str:
        """Return the task, for printing."""
        options: dict[str, Any] = {"log_transform": self.log_transform, "uncertainty": self.uncertainty}
        return ", ".join([self.spec.name, *(name for name, value in options.items() if value)])
