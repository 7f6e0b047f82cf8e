"""Global response normalization (GRN) of ConvNeXt V2."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# The gradient of √0 is infinite; this vanishes beside any real response.
SQUARE_FLOOR = 1e-30
EPS = 1e-6


def scale_of_norm(norm: Tensor, gamma: Tensor) -> Tensor:
    """Return the factor 1 + γ·N of every channel, from the norms (..., C) of the channels over space."""
    scale: Tensor = 1 + gamma * (norm / (norm.mean(-1, keepdim=True) + EPS))
    return scale


class GlobalResponseNorm(nn.Module):
    """Competition between channels, per event (GRN; Woo et al. 2023, section 3).

    G = L2 norm over space, N = G / (mean over channels of G + ε), y = γ·(x·N) + β + x. The norm is
    taken per event: the events of a batch do not interact.

    Parameters
    ----------
    dim
        Number of channels, the last axis.
    space
        Axes that the norm is taken over.
    """

    def __init__(self, dim: int, space: tuple[int, ...]) -> None:
        super().__init__()
        self.space = space
        self.gamma = nn.Parameter(torch.zeros(dim))
        self.beta = nn.Parameter(torch.zeros(dim))

    def scale(self, x: Tensor) -> Tensor:
        """Return the factor 1 + γ·N: GRN is x · scale + β, one pass over `x` instead of four."""
        squares = (x * x).sum(self.space, keepdim=True, dtype=torch.promote_types(x.dtype, torch.float32))
        return scale_of_norm((squares + SQUARE_FLOOR).sqrt(), self.gamma)

    def forward(self, x: Tensor) -> Tensor:
        """Apply to `x`, channels last."""
        return x * self.scale(x) + self.beta
