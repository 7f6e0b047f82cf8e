"""A stem that is one convolution and a norm."""

from __future__ import annotations

from torch import Tensor, nn

from xec_models.blocks.channel_norm import ChannelNorm
from xec_models.blocks.convnext import conv_channels_last


class ConvStem(nn.Sequential):
    """Convolution and LayerNorm over channels, channels last.

    Parameters
    ----------
    channels
        Numbers per cell.
    width
        Channels that come out.
    kernel, stride, padding
        Of the convolution, along rows and along columns.
    """

    def __init__(self, channels: int, width: int, *, kernel: int, stride: int, padding: int) -> None:
        super().__init__(
            nn.Conv2d(channels, width, kernel_size=kernel, stride=stride, padding=padding), ChannelNorm(width)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Apply to (B, rows, columns, channels)."""
        conv, norm = self
        assert isinstance(conv, nn.Conv2d)
        out: Tensor = norm(conv_channels_last(conv, x))
        return out
