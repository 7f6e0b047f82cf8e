"""The table of neighbourhood operators of the hexagonal faces.

All take (B, nodes, C) and know one static graph. The configuration reads this table: torch is imported when
an operator is built.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xec_geometry import Layout
from xec_geometry.support.registry import Registry
from xec_models.errors import ModelError

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class HexOperator:
    """A neighbourhood operator: the messages of a node's neighbours.

    Attributes
    ----------
    name
        Value of ``model.hex_conv``.
    build
        Builds the module from the number of channels and the layout.
    summary
        One line for people.
    """

    name: str
    build: Callable[[int, Layout], nn.Module]
    summary: str


def _depthwise(dim: int, layout: Layout) -> nn.Module:
    from xec_models.blocks.hex_grid import HexGridConv

    return HexGridConv(dim, layout)


def _attention(dim: int, layout: Layout) -> nn.Module:
    # torch-geometric takes half a second to import; only this operator needs it.
    from xec_models.blocks.hex_graph import HexAttention

    return HexAttention(dim, layout)


HEX_OPERATORS: Registry[HexOperator] = Registry(
    "hexagonal operator",
    (
        HexOperator("depthwise", _depthwise, "a weight for each direction"),
        HexOperator("attention", _attention, "attention weights from the features"),
    ),
    group="xec.hex_operators",
    error=ModelError,
)
"""Every operator by its name. Installed packages add theirs in the group ``xec.hex_operators``."""
