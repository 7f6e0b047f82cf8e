"""The block of ConvNeXt V2 for any neighbourhood operator: spatial mixing, then an MLP with GRN.

S. Woo et al., "ConvNeXt V2: Co-designing and Scaling ConvNets with Masked Autoencoders",
arXiv:2301.00808 (2023); the block without GRN: Z. Liu et al., arXiv:2201.03545 (2022).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from xec_models.blocks.block_mlp import block_mlp, is_supported
from xec_models.blocks.channel_norm import ChannelNorm
from xec_models.blocks.drop_path import DropPath
from xec_models.blocks.grn import GlobalResponseNorm

EXPANSION = 4


class NeXtBlock(nn.Module):
    """Neighbourhood operator → LayerNorm → Linear → GELU → GRN → Linear → drop path → add the input.

    Subclasses set `mix`. The second Linear takes GRN into its weights (scaled rows, shifted bias).

    Parameters
    ----------
    dim
        Number of channels, the last axis.
    space
        The spatial axes.
    drop_path
        Probability of skipping the block while training.
    closed
        Whether nothing leaves a masked position. Otherwise, as in the earlier system ``xec-ml-wl``, the MLP
        fills it again, from nothing, and the block hands that on.
    """

    def __init__(self, dim: int, space: tuple[int, ...], drop_path: float, *, closed: bool = True) -> None:
        super().__init__()
        self.closed = closed
        self.norm = ChannelNorm(dim)
        self.pwconv1 = nn.Linear(dim, EXPANSION * dim)
        self.grn = GlobalResponseNorm(EXPANSION * dim, space)
        self.pwconv2 = nn.Linear(EXPANSION * dim, dim)
        self.drop_path = DropPath(drop_path)

    def mix(self, x: Tensor) -> Tensor:
        """Apply the neighbourhood operator to features (B, ..., C)."""
        raise NotImplementedError

    def forward(self, x: Tensor, keep: Tensor | None = None) -> Tensor:
        """Apply the block.

        Parameters
        ----------
        x
            Features, channels last.
        keep
            1 where a position is seen, 0 where it is masked, shaped to multiply `x`; None: all seen.

        Returns
        -------
        Tensor
            Shape of `x`; if closed, zero at masked positions.
        """
        y = self.mix(x)
        if keep is None:
            return x + self.drop_path(self.mlp(y))  # type: ignore[no-any-return]
        if not self.closed:
            x = x * keep
        out: Tensor = x + self.drop_path(self.mlp(y * keep))
        return out * keep if self.closed else out

    def mlp(self, y: Tensor) -> Tensor:
        """Apply LayerNorm, Linear, GELU, GRN and Linear, in the form that is fastest on the device."""
        if is_supported(y):
            norm = self.norm.weight, self.norm.bias, self.norm.eps
            first = self.pwconv1.weight, self.pwconv1.bias
            return block_mlp(y, norm, first, self.grn.gamma, (self.pwconv2.weight, self._shifted_bias()))
        hidden = F.gelu(self.norm.into(self.pwconv1, y))
        return self.project(hidden, self.grn.scale(hidden))

    def project(self, hidden: Tensor, scale: Tensor) -> Tensor:
        """Apply GRN and the second Linear in one: W₂(h·s + β) + b = W₂(h·s) + (W₂β + b)."""
        return F.linear(hidden * scale, self.pwconv2.weight, self._shifted_bias())

    def _shifted_bias(self) -> Tensor:
        bias: Tensor = torch.mv(self.pwconv2.weight, self.grn.beta) + self.pwconv2.bias
        return bias
