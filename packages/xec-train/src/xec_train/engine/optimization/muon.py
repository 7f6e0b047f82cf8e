"""Muon for matrices and AdamW for everything else, as one optimizer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

_MATRICES = "matrices"

_MOMENTUM = 0.95
# Of the quintic polynomial whose iteration brings all singular values near 1, and its number of steps.
_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 5
# Root mean square of an update of AdamW, in units of the learning rate.
_ADAMW_UPDATE = 0.2
_TINY = 1e-7


class Muon(Optimizer):
    """Muon for the matrices of linear layers, AdamW for all other parameters.

    A step for a matrix is its gradient's running mean with all singular values near 1: K. Jordan et al.,
    "Muon: An optimizer for hidden layers in neural networks" (2024). Updates of both kinds have the same size
    per element (J. Liu et al., arXiv:2502.16982), so that one learning rate suits all.

    Parameters
    ----------
    groups
        Groups of parameters, with their weight decay.
    lr
        Learning rate.

    Notes
    -----
    Agrees with `torch.optim.Muon`, which came with torch 2.9 and always computes in bfloat16: most processors
    have no arithmetic for it.
    """

    def __init__(self, groups: Iterable[dict[str, Any]], lr: float) -> None:
        matrices, others = _divided(groups)
        self._adamw = AdamW(others or [{"params": []}], lr=lr)
        all_groups = [*matrices, *(self._adamw.param_groups if others else ())]
        super().__init__(all_groups, {"lr": lr})
        self._share()

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Update all parameters with their present gradients."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"] if group[_MATRICES] else ():
                if parameter.grad is not None:
                    self._step_matrix(parameter, parameter.grad, group["lr"], group["weight_decay"])
        self._adamw.step()
        return loss

    def _step_matrix(self, matrix: Tensor, gradient: Tensor, lr: float, weight_decay: float) -> None:
        state = self.state[matrix]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(matrix)
        mean = state["momentum_buffer"].lerp_(gradient, 1 - _MOMENTUM)
        direction = orthogonalized(gradient.lerp(mean, _MOMENTUM), arithmetic_for(matrix.device))
        matrix.mul_(1 - lr * weight_decay)
        matrix.add_(direction, alpha=-lr * _ADAMW_UPDATE * math.sqrt(max(matrix.shape)))

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the groups and moments of a state that is loaded."""
        super().__setstate__(state)
        self._share()

    def _share(self) -> None:
        """Let AdamW work on the groups and moments of this optimizer, where schedules change them."""
        self._adamw.state = self.state
        self._adamw.param_groups = [group for group in self.param_groups if not group[_MATRICES]]


def orthogonalized(matrix: Tensor, dtype: torch.dtype) -> Tensor:
    """Bring the singular values of a matrix to between 0.5 and 1.5, by products of matrices alone.

    Parameters
    ----------
    matrix
        (m, n).
    dtype
        Type to compute in.
    """
    a, b, c = _COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.t() if tall else matrix).to(dtype)
    x = x / x.norm().clamp_min(_TINY)
    for _ in range(_ITERATIONS):
        square = x @ x.t()
        x = torch.addmm(x, torch.addmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return (x.t() if tall else x).to(matrix.dtype)


def arithmetic_for(device: torch.device) -> torch.dtype:
    """Return bfloat16 where the device computes in it fast, which is precise enough, else float32."""
    if device.type == "cpu":
        supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
        return torch.bfloat16 if supported is not None and supported() else torch.float32
    return torch.bfloat16


def _divided(groups: Iterable[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Divide groups into those of Muon and those of AdamW."""
    matrices, others = [], []
    for group in groups:
        chosen: list[nn.Parameter] = []
        rest: list[nn.Parameter] = []
        for parameter in group["params"]:
            (chosen if parameter.ndim == 2 else rest).append(parameter)
        matrices.append({**group, "params": chosen, _MATRICES: True})
        others.append({**group, "params": rest, _MATRICES: False})
    return [group for group in matrices if group["params"]], [group for group in others if group["params"]]
