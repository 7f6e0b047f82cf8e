"""The correction of the mean of the neighbours, the last layer of every head."""

from __future__ import annotations

from torch import Tensor, nn


class Correction(nn.Module):
    """Predictions per sensor from features: an estimate, shifted and scaled.

    Scaling is a relative correction where counts are on a scale such as the square root; a shift is one on
    logarithmic scales, and an absolute correction of times. It is initialized to the estimate itself.

    Parameters
    ----------
    width
        Number of features.
    channels
        Columns of the estimate that are predicted.
    """

    def __init__(self, width: int, channels: tuple[int, ...]) -> None:
        super().__init__()
        self.channels = list(channels)
        self.norm = nn.LayerNorm(width)
        self.linear = nn.Linear(width, 2 * len(channels))
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, features: Tensor, estimate: Tensor) -> Tensor:
        """Predict (..., channels) from features (..., width) and estimates (..., 2)."""
        base = estimate[..., self.channels]
        shift, scale = self.linear(self.norm(features)).chunk(2, dim=-1)
        out: Tensor = base + shift + scale * base
        return out
