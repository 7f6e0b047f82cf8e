"""The encoder that both hexagonal faces share: HexNeXt blocks."""

from __future__ import annotations

from torch import Tensor, nn

from xec_geometry import Layout
from xec_models.blocks.drop_path import drop_rates
from xec_models.blocks.hexnext import HexNeXtBlock

HEX_WIDTH = 96
HEX_DEPTH = 4


class HexEncoder(nn.Module):
    """Encoder of a hexagonal face: stem, four blocks, mean over the nodes, projection to one token.

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
    width, depth
        Width of the features of a node, and number of blocks; None: `HEX_WIDTH`, `HEX_DEPTH`.
    """

    def __init__(
        self,
        encoder_dim: int,
        layout: Layout = "physical",
        hex_conv: str = "depthwise",
        channels: int = 2,
        drop_path_rate: float = 0.0,
        width: int | None = None,
        depth: int | None = None,
    ) -> None:
        super().__init__()
        self.closed = layout == "physical"
        self.width = width or HEX_WIDTH
        rates = drop_rates(drop_path_rate, depth or HEX_DEPTH)
        self.stem = nn.Sequential(nn.Linear(channels, self.width), nn.LayerNorm(self.width), nn.GELU())
        self.layers = nn.ModuleList(HexNeXtBlock(self.width, layout, hex_conv, rate) for rate in rates)
        self.proj = nn.Sequential(nn.LayerNorm(self.width), nn.Linear(self.width, encoder_dim))

    def features(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Compute the features of every node.

        Parameters
        ----------
        x
            (B, nodes, channels) a face.
        mask
            (B, nodes) bool, True where a node is masked; None: nowhere.

        Returns
        -------
        Tensor (B, nodes, width)
        """
        keep = None if mask is None else (~mask).to(x.dtype).unsqueeze(-1)
        x = self.stem(x if keep is None else x * keep)
        if keep is not None and self.closed:
            x = x * keep
        for layer in self.layers:
            x = layer(x, keep)
        return x

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Compute one token per face, (B, encoder_dim); parameters as in `features`."""
        token: Tensor = self.proj(self.features(x, mask).mean(1))
        return token
