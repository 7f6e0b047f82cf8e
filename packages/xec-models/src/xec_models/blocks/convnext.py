"""Rectangular faces: ConvNeXt V2 blocks and the backbone that all rectangular faces share.

S. Woo et al., "ConvNeXt V2: Co-designing and Scaling ConvNets with Masked Autoencoders",
arXiv:2301.00808 (2023). Everything is channels-last: (B, rows, columns, C).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from xec_models.blocks.channel_norm import ChannelNorm
from xec_models.blocks.drop_path import drop_rates
from xec_models.blocks.next_block import NeXtBlock
from xec_models.config.network import DIM_MULTIPLE

DEPTHS = (2, 3)
TOKEN_GRID = (4, 4)


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
    """

    def __init__(self, dim: int, drop_path: float = 0.0) -> None:
        super().__init__(dim, space=(1, 2), drop_path=drop_path)
        self.dwconv = nn.Conv2d(dim, dim, kernel_size=7, padding=3, groups=dim)

    def mix(self, x: Tensor) -> Tensor:
        """Apply the depthwise convolution to (B, rows, columns, C)."""
        return conv_channels_last(self.dwconv, x)

    def project(self, hidden: Tensor, scale: Tensor) -> Tensor:
        """Apply GRN and the second Linear: the weights are scaled per event, fewer numbers than the features."""
        batch, rows, columns, width = hidden.shape
        weight = scale.reshape(batch, width, 1) * self.pwconv2.weight.t()
        y = torch.baddbmm(self._shifted_bias(), hidden.reshape(batch, rows * columns, width), weight)
        return y.reshape(batch, rows, columns, -1)


class FaceBackbone(nn.Module):
    """A rectangular face becomes one token of `encoder_dim` numbers.

    Stem, two stages of ConvNeXt V2 blocks with a downsampling between them, bilinear interpolation to
    4 × 4, flattened channel by channel. Base width c = encoder_dim / 32.

    Parameters
    ----------
    encoder_dim
        Width of the token.
    channels
        Numbers per sensor.
    drop_path_rate
        Largest probability of skipping a block.
    """

    def __init__(self, encoder_dim: int, channels: int = 2, drop_path_rate: float = 0.0) -> None:
        super().__init__()
        width = encoder_dim // DIM_MULTIPLE
        rates = drop_rates(drop_path_rate, sum(DEPTHS))
        self.stem = nn.ModuleList([nn.Conv2d(channels, width, kernel_size=4, padding=1), ChannelNorm(width)])
        self.stage1 = nn.ModuleList(ConvNeXtV2Block(width, rate) for rate in rates[: DEPTHS[0]])
        self.downsample = nn.ModuleList(
            [ChannelNorm(width), nn.Conv2d(width, 2 * width, kernel_size=2, stride=2)]
        )
        self.stage2 = nn.ModuleList(ConvNeXtV2Block(2 * width, rate) for rate in rates[DEPTHS[0] :])

    def features(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Feature map of the last stage.

        Parameters
        ----------
        x
            (B, rows, columns, channels) a face.
        mask
            (B, rows, columns) bool, True where a cell must not be seen; None: all seen.

        Returns
        -------
        Tensor (B, rows', columns', encoder_dim / 16)
        """
        conv, norm = self.stem
        assert isinstance(conv, nn.Conv2d)
        keep = None if mask is None else (~mask).to(x.dtype).unsqueeze(-1)
        x, keep = _masked(norm(conv_channels_last(conv, _times(x, keep))), keep)
        for block in self.stage1:
            x = block(x, keep)
        norm, conv = self.downsample
        assert isinstance(conv, nn.Conv2d)
        x, keep = _masked(conv_channels_last(conv, norm(x)), keep)
        for block in self.stage2:
            x = block(x, keep)
        return x

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """One token per face, (B, encoder_dim); parameters as in `features`."""
        x = self.features(x, mask).permute(0, 3, 1, 2)
        return F.interpolate(x, size=TOKEN_GRID, mode="bilinear", align_corners=False).flatten(1)


def _times(x: Tensor, keep: Tensor | None) -> Tensor:
    return x if keep is None else x * keep


def _masked(x: Tensor, keep: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Bring the mask to the resolution of `x` (nearest) and apply it."""
    if keep is None:
        return x, None
    keep = F.interpolate(keep.permute(0, 3, 1, 2), size=x.shape[1:3], mode="nearest").permute(0, 2, 3, 1)
    return x * keep, keep
