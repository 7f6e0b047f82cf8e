"""Hexagonal faces: ConvNeXt V2 blocks on the lattice of the top and bottom PMTs.

The block is that of S. Woo et al., arXiv:2301.00808 (2023), with a neighbourhood operator of
`hex_operators` instead of the depthwise convolution. Features are (B, nodes, C).
"""

from __future__ import annotations

from torch import Tensor, nn

from xec_geometry import Layout
from xec_models.blocks.drop_path import drop_rates
from xec_models.blocks.hex_operators import HEX_OPERATORS
from xec_models.blocks.next_block import NeXtBlock

HEX_WIDTH = 96
HEX_DEPTH = 4


class HexNeXtBlock(NeXtBlock):
    """The block of ConvNeXt V2 with a neighbourhood operator of the hexagonal lattice.

    Parameters
    ----------
    dim
        Number of channels.
    layout
        Layout of the neighbour graph.
    hex_conv
        Name of the operator in `HEX_OPERATORS`.
    drop_path
        Probability of skipping the block while training.
    """

    def __init__(
        self, dim: int, layout: Layout = "physical", hex_conv: str = "depthwise", drop_path: float = 0.0
    ) -> None:
        super().__init__(dim, space=(1,), drop_path=drop_path)
        self.spatial_conv = HEX_OPERATORS[hex_conv].build(dim, layout)

    def mix(self, x: Tensor) -> Tensor:
        """Apply the neighbourhood operator to (B, nodes, C)."""
        y: Tensor = self.spatial_conv(x)
        return y


class HexEncoder(nn.Module):
    """A hexagonal face becomes one token: stem, four blocks, mean over the nodes, projection.

    Parameters
    ----------
    encoder_dim
        Width of the token.
    layout
        Layout of the neighbour graph.
    hex_conv
        Name of the neighbourhood operator.
    channels
        Numbers per sensor.
    drop_path_rate
        Largest probability of skipping a block.
    """

    def __init__(
        self,
        encoder_dim: int,
        layout: Layout = "physical",
        hex_conv: str = "depthwise",
        channels: int = 2,
        drop_path_rate: float = 0.0,
    ) -> None:
        super().__init__()
        rates = drop_rates(drop_path_rate, HEX_DEPTH)
        self.stem = nn.Sequential(nn.Linear(channels, HEX_WIDTH), nn.LayerNorm(HEX_WIDTH), nn.GELU())
        self.layers = nn.ModuleList(HexNeXtBlock(HEX_WIDTH, layout, hex_conv, rate) for rate in rates)
        self.proj = nn.Sequential(nn.LayerNorm(HEX_WIDTH), nn.Linear(HEX_WIDTH, encoder_dim))

    def features(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Features of every node.

        Parameters
        ----------
        x
            (B, nodes, channels) a face.
        mask
            (B, nodes) bool, True where a node must not be seen; None: all seen.

        Returns
        -------
        Tensor (B, nodes, 96)
        """
        keep = None if mask is None else (~mask).to(x.dtype).unsqueeze(-1)
        x = self.stem(x if keep is None else x * keep)
        if keep is not None:
            x = x * keep
        for layer in self.layers:
            x = layer(x, keep)
        return x

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """One token per face, (B, encoder_dim); parameters as in `features`."""
        token: Tensor = self.proj(self.features(x, mask).mean(1))
        return token
