"""A hexagonal face as a graph: messages along its edges, by a directional kernel or by attention.

The attention is that of S. Brody, U. Alon, E. Yahav, "How Attentive are Graph Attention Networks?",
arXiv:2105.14491 (2021).
"""

from __future__ import annotations

import warnings

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from xec_geometry import Layout, hex_edges
from xec_models.blocks.hex_grid import directional_kernel

with warnings.catch_warnings():
    # torch-geometric 2.8 scripts some of its classes on import, which torch 2.13 calls deprecated.
    warnings.filterwarnings("ignore", message=r"`torch\.jit", category=DeprecationWarning)
    from torch_geometric.nn import GATv2Conv, MessagePassing

ATTENTION_HEADS = 4


class HexDepthwiseConv(MessagePassing):  # type: ignore[misc]
    """A directional depthwise kernel: out[target] = Σ over edges of weight[direction] · x[source] + bias.

    Seven weights per channel: the node itself and its six neighbours. The definition, as message
    passing on the graph; networks run the same sum as `HexGridConv`.

    Parameters
    ----------
    dim
        Number of channels.
    layout
        Layout of the graph.
    """

    def __init__(self, dim: int, layout: Layout = "physical") -> None:
        super().__init__(aggr="add", node_dim=1)
        edges = torch.tensor(hex_edges(layout))
        self.register_buffer("edge_index", edges[:2].clone(), persistent=False)
        self.register_buffer("direction", edges[2].clone(), persistent=False)
        self.weight, self.bias = directional_kernel(dim)

    def forward(self, x: Tensor) -> Tensor:
        """Apply to (B, nodes, C)."""
        out: Tensor = self.propagate(self.edge_index, x=x, kernel=self.weight[:, self.direction])
        return out + self.bias

    def message(self, x_j: Tensor, kernel: Tensor) -> Tensor:
        """Compute the messages (B, E, C) of the edges."""
        return x_j * kernel


class HexAttention(nn.Module):
    """Attention over the same graph: GAT v2, with the one-hot direction of each edge as its feature.

    Parameters
    ----------
    dim
        Number of channels, a multiple of the number of heads (4).
    layout
        Layout of the graph.
    """

    edge_index: Tensor
    edge_attr: Tensor

    def __init__(self, dim: int, layout: Layout = "physical") -> None:
        super().__init__()
        edges = torch.tensor(hex_edges(layout))
        one_hot = F.one_hot(edges[2]).to(torch.get_default_dtype())
        self.register_buffer("edge_index", edges[:2].clone(), persistent=False)
        self.register_buffer("edge_attr", one_hot, persistent=False)
        self.attention = GATv2Conv(
            dim, dim // ATTENTION_HEADS, ATTENTION_HEADS, add_self_loops=False, edge_dim=one_hot.shape[1]
        )

    def forward(self, x: Tensor) -> Tensor:
        """Apply to (B, nodes, C)."""
        batch, nodes, dim = x.shape
        # One disjoint copy of the graph per event.
        first = nodes * torch.arange(batch, device=x.device)
        edge_index = (self.edge_index.unsqueeze(1) + first.unsqueeze(-1)).flatten(1)
        edge_attr = self.edge_attr.to(x.dtype).unsqueeze(0).expand(batch, -1, -1).flatten(0, 1)
        out: Tensor = self.attention(x.reshape(batch * nodes, dim), edge_index, edge_attr)
        return out.reshape(batch, nodes, dim)
