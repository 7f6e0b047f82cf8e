"""Stochastic depth: a residual branch is skipped at random while training.

G. Huang et al., "Deep Networks with Stochastic Depth", arXiv:1603.09382 (2016).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class DropPath(nn.Module):
    """Set whole samples of a residual branch to zero.

    Samples that are kept are scaled by 1 / (1 − rate), so that the mean stays. Does nothing in evaluation.

    Parameters
    ----------
    rate
        Probability of dropping a sample, 0 ≤ rate < 1.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """Apply to `x` (B, ...)."""
        if not self.training or self.rate == 0.0:
            return x
        shape = (len(x),) + (1,) * (x.ndim - 1)
        keep = 1.0 - self.rate
        return x * (torch.empty(shape, dtype=x.dtype, device=x.device).bernoulli_(keep) / keep)

    def extra_repr(self) -> str:
        """Return the rate, for printing."""
        return f"rate={self.rate}"


def drop_rates(largest: float, n_blocks: int) -> list[float]:
    """Return rates that rise linearly from 0 in the first block to `largest` in the last."""
    return [largest * i / max(1, n_blocks - 1) for i in range(n_blocks)]
