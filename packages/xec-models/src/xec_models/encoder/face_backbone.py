"""The backbone that all rectangular faces share: two stages of ConvNeXt V2 blocks."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from xec_models.blocks.channel_norm import ChannelNorm
from xec_models.blocks.convnext import ConvNeXtV2Block, conv_channels_last
from xec_models.blocks.drop_path import drop_rates
from xec_models.config.network import DIM_MULTIPLE
from xec_models.encoder.stems import DOWNSAMPLING, STEMS

DEPTHS = (2, 3)
TOKEN_GRID = (4, 4)


class FaceBackbone(nn.Module):
    """Encoder of a rectangular face: one token of `encoder_dim` numbers.

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
    closed
        Whether masked positions are zeroed after every layer. Otherwise, as in the earlier system
        ``xec-ml-wl``, only the input is, and what `NeXtBlock` says; every resolution has the given mask
        resampled, not that of the resolution before.
    stem
        Name of the stem in `STEMS`.
    """

    def __init__(
        self,
        encoder_dim: int,
        channels: int = 2,
        drop_path_rate: float = 0.0,
        *,
        closed: bool = True,
        stem: str = "dense",
    ) -> None:
        super().__init__()
        self.closed = closed
        width = encoder_dim // DIM_MULTIPLE
        rates = drop_rates(drop_path_rate, sum(DEPTHS))
        self.stem = STEMS[stem].build(channels, width)
        self.stage1 = nn.ModuleList(
            ConvNeXtV2Block(width, rate, closed=closed) for rate in rates[: DEPTHS[0]]
        )
        self.downsample = nn.ModuleList(
            [ChannelNorm(width), nn.Conv2d(width, 2 * width, DOWNSAMPLING, DOWNSAMPLING)]
        )
        self.stage2 = nn.ModuleList(
            ConvNeXtV2Block(2 * width, rate, closed=closed) for rate in rates[DEPTHS[0] :]
        )

    def features(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Compute the feature map of the last stage.

        Parameters
        ----------
        x
            (B, rows, columns, channels) a face.
        mask
            (B, rows, columns) bool, True where a cell is masked; None: nowhere.

        Returns
        -------
        Tensor (B, rows', columns', encoder_dim / 16)
        """
        given = None if mask is None else (~mask).to(x.dtype).unsqueeze(-1)
        x, keep = self._masked(self.stem(_times(x, given)), given)
        for block in self.stage1:
            x = block(x, keep)
        norm, conv = self.downsample
        assert isinstance(conv, nn.Conv2d)
        x, keep = self._masked(conv_channels_last(conv, norm(x)), keep if self.closed else given)
        for block in self.stage2:
            x = block(x, keep)
        return x

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Compute one token per face, (B, encoder_dim); parameters as in `features`."""
        x = self.features(x, mask).permute(0, 3, 1, 2)
        return F.interpolate(x, size=TOKEN_GRID, mode="bilinear", align_corners=False).flatten(1)

    def _masked(self, x: Tensor, keep: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Resample the mask to the resolution of `x` (nearest) and, if closed, apply it."""
        if keep is None:
            return x, None
        keep = F.interpolate(keep.permute(0, 3, 1, 2), size=x.shape[1:3], mode="nearest").permute(0, 2, 3, 1)
        return x * keep if self.closed else x, keep


def _times(x: Tensor, keep: Tensor | None) -> Tensor:
    return x if keep is None else x * keep
