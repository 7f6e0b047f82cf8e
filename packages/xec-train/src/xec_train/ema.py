"""Averaged weights (exponential moving average): what is validated, kept as best, and exported."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

_WARMUP = 10.0


def build_ema(network: nn.Module, decay: float | None) -> AveragedModel | None:
    """Follow the weights and buffers of a network.

    Parameters
    ----------
    network
        The network; the average starts as a copy of it.
    decay
        Weight of the past after many updates; None: no average.

    Returns
    -------
    torch.optim.swa_utils.AveragedModel or None
        The average, updated by ``update_parameters(network)``.
    """
    if decay is None:
        return None
    return AveragedModel(network, multi_avg_fn=_average(decay), use_buffers=True)


def decay_at(update: int, decay: float) -> float:
    """Decay of an update, counted from 1: small at first, so that the initial weights are soon forgotten."""
    return min(decay, (1 + update) / (_WARMUP + update))


def _average(decay: float) -> Callable[[Sequence[Tensor], Sequence[Tensor], Tensor | int], None]:
    def update(averages: Sequence[Tensor], current: Sequence[Tensor], n_updates: Tensor | int) -> None:
        if averages[0].is_floating_point():
            weight = 1.0 - decay_at(int(n_updates), decay)
            torch._foreach_lerp_(list(averages), list(current), weight)
        else:
            # Tables of indices: an average that is rounded down would point elsewhere.
            torch._foreach_copy_(list(averages), list(current))

    return update
