"""The HexNeXt block on the lattice of the top and bottom PMTs.

It is the ConvNeXt V2 block of S. Woo et al., arXiv:2301.00808 (2023), with a neighbourhood operator of
`hex_operators` instead of the depthwise convolution. Features are (B, nodes, C).
"""

from __future__ import annotations

from torch import Tensor

from xec_geometry import Layout
from xec_models.blocks.hex_operators import HEX_OPERATORS
from xec_models.blocks.next_block import NeXtBlock


class HexNeXtBlock(NeXtBlock):
    """The block of ConvNeXt V2 with a neighbourhood operator of the hexagonal lattice.

    Parameters
    ----------
    dim
        Number of channels.
    layout
        Layout of the neighbour graph; only in ``physical`` nothing leaves a masked position.
    hex_conv
        Name of the operator in `HEX_OPERATORS`.
    drop_path
        Probability of skipping the block while training.
    """

    def __init__(
        self, dim: int, layout: Layout = "physical", hex_conv: str = "depthwise", drop_path: float = 0.0
    ) -> None:
        super().__init__(dim, space=(1,), drop_path=drop_path, closed=layout == "physical")
        self.spatial_conv = HEX_OPERATORS[hex_conv].build(dim, layout)

    def mix(self, x: Tensor) -> Tensor:
        """Apply the neighbourhood operator to (B, nodes, C)."""
        y: Tensor = self.spatial_conv(x)
        return y
