"""A hexagonal face as a grid: the directional depthwise kernel as a small convolution."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from xec_geometry import HEX_STEPS, Layout, hex_cells

KERNEL = 3  # on the axial grid, neighbours stand in 3 × 3 cells


def directional_kernel(dim: int) -> tuple[nn.Parameter, nn.Parameter]:
    """Initialize weight (1, directions, dim) and bias (1, 1, dim) like a convolution with as many taps."""
    directions = len(HEX_STEPS)
    weight = nn.Parameter(torch.empty(1, directions, dim))
    nn.init.uniform_(weight, -(directions**-0.5), directions**-0.5)
    return weight, nn.Parameter(torch.zeros(1, 1, dim))


class HexGridConv(nn.Module):
    """`hex_graph.HexDepthwiseConv` as a 3 × 3 depthwise convolution on the axial grid.

    Two corners of the kernel are zero. The same parameters give the same numbers, in less time. It also
    exports without a scatter: ONNX Runtime (1.31) adds up duplicate indices of one in several threads at
    once, and loses some.

    Parameters
    ----------
    dim
        Number of channels.
    layout
        Layout of the graph.
    """

    cell: Tensor
    node: Tensor
    occupied: Tensor
    direction: Tensor

    def __init__(self, dim: int, layout: Layout = "physical") -> None:
        super().__init__()
        cells = torch.tensor(hex_cells(layout))
        self.shape = tuple(int(n) + 1 for n in cells.max(dim=0).values)
        cell = cells[:, 0] * self.shape[1] + cells[:, 1]
        node = torch.zeros(self.shape[0] * self.shape[1], dtype=torch.long)
        node[cell] = torch.arange(len(cell))
        occupied = torch.zeros(len(node), 1)
        occupied[cell] = 1.0
        # The kernel runs from the target back to the source; the two corners without a direction take a zero
        # that is appended to the weights.
        direction = torch.full((KERNEL, KERNEL), len(HEX_STEPS))
        for number, (row_step, column_step) in enumerate(HEX_STEPS):
            direction[1 - row_step, 1 - column_step] = number
        for name, table in (("cell", cell), ("node", node), ("occupied", occupied), ("direction", direction)):
            self.register_buffer(name, table, persistent=False)
        self.weight, self.bias = directional_kernel(dim)

    def forward(self, x: Tensor) -> Tensor:
        """Apply to (B, nodes, C)."""
        batch, _, dim = x.shape
        grid: Tensor = _ToGrid.apply(x, self.node, self.occupied, self.cell)  # type: ignore[no-untyped-call]
        grid = grid.view(batch, *self.shape, dim).permute(0, 3, 1, 2)
        taps = F.pad(self.weight[0], (0, 0, 0, 1))[self.direction]
        kernel = taps.permute(2, 0, 1).unsqueeze(1)
        y = F.conv2d(grid, kernel, self.bias.reshape(dim), padding=KERNEL // 2, groups=dim)
        y = y.permute(0, 2, 3, 1).reshape(batch, self.shape[0] * self.shape[1], dim)
        out: Tensor = _ToNodes.apply(y, self.node, self.occupied, self.cell)  # type: ignore[no-untyped-call]
        return out


class _ToGrid(torch.autograd.Function):
    """Nodes (B, nodes, C) to the cells of the grid (B, cells, C), zero where a cell has none.

    Every node has one cell, so the gradient is `_ToNodes`: a gather like this. The gradient of
    `index_select` adds up instead, which is slower, and torch 2.13 compiles it to code that reads the
    sum before it is there.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, node: Tensor, occupied: Tensor, cell: Tensor) -> Tensor:
        ctx.save_for_backward(node, occupied, cell)
        return x.index_select(1, node) * occupied.to(x.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return _ToNodes.apply(grad, *ctx.saved_tensors), None, None, None  # type: ignore[no-untyped-call]


class _ToNodes(torch.autograd.Function):
    """Back from the cells to the nodes; its gradient is `_ToGrid`."""

    @staticmethod
    def forward(ctx: Any, y: Tensor, node: Tensor, occupied: Tensor, cell: Tensor) -> Tensor:
        ctx.save_for_backward(node, occupied, cell)
        return y.index_select(1, cell)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return _ToGrid.apply(grad, *ctx.saved_tensors), None, None, None  # type: ignore[no-untyped-call]
