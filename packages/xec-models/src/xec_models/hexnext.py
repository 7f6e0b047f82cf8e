"""Hexagonal faces: ConvNeXt V2 blocks on the graph of the top and bottom PMTs.

The block is that of S. Woo et al., arXiv:2301.00808 (2023), with a neighbourhood operator on the
graph: a directional depthwise kernel (below), or attention after S. Brody, U. Alon, E. Yahav, "How
Attentive are Graph Attention Networks?", arXiv:2105.14491 (2021).

Nodes come first, (nodes, B, C): the sum over edges then adds whole contiguous rows, three times as
fast as with events first.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from xec_geometry import Layout, hex_edges
from xec_models.drop_path import drop_rates
from xec_models.graph import GATv2Conv, MessagePassing
from xec_models.next_block import NeXtBlock

HEX_WIDTH = 96
HEX_DEPTH = 4
ATTENTION_HEADS = 4


class HexDepthwiseConv(MessagePassing):  # type: ignore[misc]
    """A directional depthwise kernel: out[target] = Σ over edges of weight[direction] · x[source] + bias.

    Seven weights per channel: the node itself and its six neighbours. One static graph serves all
    events.

    Parameters
    ----------
    dim
        Number of channels.
    edges
        (3, E) source, target and direction of every edge, self loops included.
    """

    def __init__(self, dim: int, edges: Tensor) -> None:
        super().__init__(aggr="add", node_dim=0)
        directions = int(edges[2].max()) + 1
        self.register_buffer("edge_index", edges[:2].clone(), persistent=False)
        self.register_buffer("direction", edges[2].clone(), persistent=False)
        self.weight = nn.Parameter(torch.empty(1, directions, dim))
        self.bias = nn.Parameter(torch.zeros(1, 1, dim))
        # As a convolution with as many taps would start.
        bound = directions**-0.5
        nn.init.uniform_(self.weight, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        """Apply to (nodes, B, C)."""
        kernel = self.weight[0][self.direction].unsqueeze(1)
        out: Tensor = self.propagate(self.edge_index, x=x, kernel=kernel)
        return out + self.bias

    def message(self, x_j: Tensor, kernel: Tensor) -> Tensor:
        """What one edge carries, (E, B, C)."""
        return x_j * kernel


class HexAttention(nn.Module):
    """Weights that follow from the features: GAT v2 over the same graph, told each edge's direction.

    Parameters
    ----------
    dim
        Number of channels, a multiple of the number of heads (4).
    edges
        (3, E) source, target and direction of every edge, self loops included.
    """

    edge_index: Tensor
    edge_attr: Tensor

    def __init__(self, dim: int, edges: Tensor) -> None:
        super().__init__()
        one_hot = F.one_hot(edges[2]).to(torch.get_default_dtype())
        self.register_buffer("edge_index", edges[:2].clone(), persistent=False)
        self.register_buffer("edge_attr", one_hot, persistent=False)
        self.attention = GATv2Conv(
            dim, dim // ATTENTION_HEADS, ATTENTION_HEADS, add_self_loops=False, edge_dim=one_hot.shape[1]
        )

    def forward(self, x: Tensor) -> Tensor:
        """Apply to (nodes, B, C)."""
        nodes, batch, dim = x.shape
        # One disjoint copy of the graph per event; event b's node n is row n·B + b.
        event = torch.arange(batch, device=x.device)
        edge_index = (self.edge_index.unsqueeze(-1) * batch + event).flatten(1)
        edge_attr = self.edge_attr.to(x.dtype).unsqueeze(1).expand(-1, batch, -1).flatten(0, 1)
        out: Tensor = self.attention(x.reshape(nodes * batch, dim), edge_index, edge_attr)
        return out.reshape(nodes, batch, dim)


HEX_OPERATORS: dict[str, Callable[[int, Tensor], nn.Module]] = {
    "depthwise": HexDepthwiseConv,
    "attention": HexAttention,
}


class HexNeXtBlock(NeXtBlock):
    """The block of ConvNeXt V2 with a neighbourhood operator of the hexagonal lattice.

    Parameters
    ----------
    dim
        Number of channels.
    edges
        (3, E) source, target and direction of every edge, self loops included.
    hex_conv
        Name of the operator in `HEX_OPERATORS`.
    drop_path
        Probability to skip the block while training.
    """

    def __init__(self, dim: int, edges: Tensor, hex_conv: str = "depthwise", drop_path: float = 0.0) -> None:
        super().__init__(dim, space=(0,), batch_dim=1, drop_path=drop_path)
        self.spatial_conv = HEX_OPERATORS[hex_conv](dim, edges)

    def mix(self, x: Tensor) -> Tensor:
        """The neighbourhood operator."""
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
        edges = torch.tensor(hex_edges(layout))
        rates = drop_rates(drop_path_rate, HEX_DEPTH)
        self.stem = nn.Sequential(nn.Linear(channels, HEX_WIDTH), nn.LayerNorm(HEX_WIDTH), nn.GELU())
        self.layers = nn.ModuleList(HexNeXtBlock(HEX_WIDTH, edges, hex_conv, rate) for rate in rates)
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
        Tensor (nodes, B, 96)
        """
        x = x.transpose(0, 1)
        keep = None if mask is None else (~mask).to(x.dtype).t().unsqueeze(-1)
        x = self.stem(x if keep is None else x * keep)
        if keep is not None:
            x = x * keep
        for layer in self.layers:
            x = layer(x, keep)
        return x

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """One token per face, (B, encoder_dim); parameters as in `features`."""
        token: Tensor = self.proj(self.features(x, mask).mean(0))
        return token
