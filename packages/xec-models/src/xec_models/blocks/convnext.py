"""The ConvNeXt V2 block on rectangular faces.

S. Woo et al., "ConvNeXt V2: Co-designing and Scaling ConvNets with Masked Autoencoders",
arXiv:2301.00808 (2023). Everything is channels-last: (B, rows, columns, C).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from xec_models.blocks.block_mlp import is_supported
from xec_models.blocks.depthwise import depthwise_conv
from xec_models.blocks.next_block import NeXtBlock


def conv_channels_last(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """Apply a 2-D convolution to (B, rows, columns, C) without copying the memory into another order."""
    y: Tensor = conv(x.permute(0, 3, 1, 2))
    return y.permute(0, 2, 3, 1)


class ConvNeXtV2Block(NeXtBlock):
    """The block of ConvNeXt V2 with a depthwise 7 × 7 convolution, channels last.

    Parameters
    ----------
    dim
        Number of channels.
    drop_path
        Probability of skipping the block while training.
    closed
        Whether nothing leaves a masked position, see `NeXtBlock`.
    """

    def __init__(self, dim: int, drop_path: float = 0.0, *, closed: bool = True) -> None:
        super().__init__(dim, space=(1, 2), drop_path=drop_path, closed=closed)
        self.dwconv = nn.Conv2d(dim, dim, kernel_size=7, padding=3, groups=dim)

    def mix(self, x: Tensor) -> Tensor:
        """Apply the depthwise convolution to (B, rows, columns, C)."""
        if is_supported(x):
            assert self.dwconv.bias is not None
            return depthwise_conv(x, self.dwconv.weight, self.dwconv.bias)
        return conv_channels_last(self.dwconv, x)

    def project(self, hidden: Tensor, scale: Tensor) -> Tensor:
        """Apply GRN and the second Linear by scaling the weights, which are fewer than the features."""
        batch, rows, columns, width = hidden.shape
        weight = scale.reshape(batch, width, 1) * self.pwconv2.weight.t()
        y = torch.baddbmm(self._shifted_bias(), hidden.reshape(batch, rows * columns, width), weight)
        return y.reshape(batch, rows, columns, -1)
