"""Graphs are made as small as torch makes them, in less time."""

from __future__ import annotations

from collections import Counter

import torch
from torch import Tensor, nn

from xec_export.onnx.graph import quiet
from xec_export.onnx.optimization import optimize


class Network(nn.Module):
    """Constants, repetitions and what patterns join: transpositions, slices, casts."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 6)
        self.register_buffer("order", torch.tensor([5, 3, 1, 0, 2, 4]))

    def forward(self, x: Tensor) -> Tensor:
        """Return (batch, 12) for (batch, 6)."""
        half = x[:, self.order].reshape(-1, 2, 3).transpose(1, 2).transpose(1, 2)[:, :, 0:3]
        y = self.layer(half.reshape(-1, 6)).to(torch.float32) + 2 * torch.arange(6) * 1.0
        return torch.cat([y, torch.where(x[:, self.order] > 0, y, y.exp())], dim=1)


def program(*, optimized: bool) -> torch.onnx.ONNXProgram:
    """The graph of the network for any number of events."""
    with quiet(), torch.no_grad():
        found = torch.onnx.export(
            Network().eval(),
            (torch.ones(2, 6),),
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            output_names=["y"],
            verbose=False,
            optimize=optimized,
        )
    assert found is not None
    return found


def test_nothing_is_left_that_torch_would_remove() -> None:
    torch.manual_seed(0)
    theirs, raw = program(optimized=True).model, program(optimized=False).model
    before = len(raw.graph)
    optimize(raw)
    ours, expected = (Counter(node.op_type for node in model.graph) for model in (raw, theirs))
    assert ours == expected
    assert len(raw.graph) < before
    assert [output.name for output in raw.graph.outputs] == ["y"]
