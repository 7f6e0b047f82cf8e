"""Averaged weights (exponential moving average): they are validated, stored and exported."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.optim.swa_utils import AveragedModel

_WARMUP = 10.0


class Average(Protocol):
    """A moving average of the weights of a network.

    Attributes
    ----------
    module
        The averaged network.
    n_averaged
        Updates so far.
    """

    @property
    def module(self) -> nn.Module: ...

    n_averaged: Tensor

    def update_parameters(self, model: nn.Module) -> None:
        """Update the average after a step."""


class ScheduleFreeAverage:
    """The average that a schedule-free optimizer keeps, as a separate network.

    Such an optimizer trains one set of weights and is meant to be used with another, to and from which it
    changes by ``eval()`` and ``train()``, not without rounding. Here the trained weights are put back bit
    by bit, so that neither validation nor a checkpoint has an influence on the training.

    Parameters
    ----------
    network
        The network that is trained.
    optimizer
        Its optimizer.
    """

    def __init__(self, network: nn.Module, optimizer: Any) -> None:
        self.n_averaged = torch.tensor(0)
        self._network, self._optimizer = network, optimizer
        self._module = deepcopy(network)
        self._current = True

    @property
    def module(self) -> nn.Module:
        """The averaged network, as of the last update."""
        if not self._current:
            self._refresh()
        return self._module

    def update_parameters(self, model: nn.Module) -> None:
        """Count a step of the optimizer; the average is computed on access."""
        del model
        self.n_averaged += 1
        self._current = False

    def _refresh(self) -> None:
        parameters = list(self._network.parameters())
        trained = [parameter.detach().clone() for parameter in parameters]
        self._optimizer.eval()
        self._module.load_state_dict(self._network.state_dict())
        self._optimizer.train()
        with torch.no_grad():
            for parameter, value in zip(parameters, trained, strict=True):
                parameter.copy_(value)
        self._current = True


def build_average(
    network: nn.Module, optimizer: Any, decay: float | None, *, warm_up: bool = False
) -> Average | None:
    """Build the average for an optimizer: its own if it has one, else the exponential one.

    Parameters
    ----------
    network
        The network.
    optimizer
        Its optimizer.
    decay, warm_up
        As in `build_ema`.
    """
    if hasattr(optimizer, "eval"):
        return ScheduleFreeAverage(network, optimizer)
    return build_ema(network, decay, warm_up=warm_up)


def build_ema(network: nn.Module, decay: float | None, *, warm_up: bool = False) -> AveragedModel | None:
    """Build a moving average of the weights and buffers of a network.

    Parameters
    ----------
    network
        The network; the average starts as a copy of it after the first step.
    decay
        Weight β of the past, W ← β·W + (1 − β)·new; None: no average.
    warm_up
        Whether β is smaller in the first updates.

    Returns
    -------
    torch.optim.swa_utils.AveragedModel or None
        The average, updated by ``update_parameters(network)``.
    """
    if decay is None:
        return None
    return AveragedModel(network, multi_avg_fn=_average(decay, warm_up), use_buffers=True)


def decay_at(update: int, decay: float) -> float:
    """Return β of an update of a warm-up, counted from 1: small, so that initial weights fade soon."""
    return min(decay, (1 + update) / (_WARMUP + update))


def _average(
    decay: float, warm_up: bool
) -> Callable[[Sequence[Tensor], Sequence[Tensor], Tensor | int], None]:
    def update(averages: Sequence[Tensor], current: Sequence[Tensor], n_updates: Tensor | int) -> None:
        if averages[0].is_floating_point():
            weight = 1.0 - (decay_at(int(n_updates), decay) if warm_up else decay)
            torch._foreach_lerp_(_local(averages), _local(current), weight)
        else:
            # Tables of indices: an average that is rounded down would point elsewhere.
            torch._foreach_copy_(_local(averages), _local(current))

    return update


def _local(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Return the local parts of sharded tensors."""
    return [tensor.to_local() if isinstance(tensor, DTensor) else tensor for tensor in tensors]
