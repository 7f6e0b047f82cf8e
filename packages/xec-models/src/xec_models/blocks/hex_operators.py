"""What a node of a hexagonal face learns from its neighbours: the operators by their names.

All take (B, nodes, C) and know one static graph.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from xec_geometry import Layout
from xec_models.blocks.hex_grid import HexGridConv


def _attention(dim: int, layout: Layout) -> nn.Module:
    # torch-geometric takes half a second to import; only this operator needs it.
    from xec_models.blocks.hex_graph import HexAttention

    return HexAttention(dim, layout)


HEX_OPERATORS: dict[str, Callable[[int, Layout], nn.Module]] = {
    "depthwise": HexGridConv,
    "attention": _attention,
}
