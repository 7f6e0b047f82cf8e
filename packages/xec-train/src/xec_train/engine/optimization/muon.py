"""Muon and AdamW as one optimizer: each updates the parameters that it is made for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from torch.optim import AdamW, Optimizer

_MATRICES = "matrices"


class MuonWithAdamW(Optimizer):
    """Muon for the matrices of linear layers, AdamW for all other parameters.

    K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024). Updates of both have
    the same size per element (J. Liu et al., arXiv:2502.16982), so that one learning rate suits all.

    Parameters
    ----------
    groups
        Groups of parameters, with their weight decay.
    lr
        Learning rate.

    Raises
    ------
    AttributeError
        If this torch has no `torch.optim.Muon`; it came with 2.9.
    """

    def __init__(self, groups: Iterable[dict[str, Any]], lr: float) -> None:
        matrices, others = _divided(groups)
        self._muon = torch.optim.Muon(matrices, lr=lr, adjust_lr_fn="match_rms_adamw")
        self._adamw = AdamW(others, lr=lr)
        super().__init__([*self._muon.param_groups, *self._adamw.param_groups], {"lr": lr})
        self._share()

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Update all parameters with their present gradients."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self._muon.step()
        self._adamw.step()
        return loss

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the groups and moments of a state that is loaded."""
        super().__setstate__(state)
        self._share()

    def _share(self) -> None:
        """Let both optimizers work on the groups and moments of this one, where schedules change them."""
        for part, is_muon in ((self._muon, True), (self._adamw, False)):
            part.state = self.state
            part.param_groups = [group for group in self.param_groups if group[_MATRICES] is is_muon]


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
