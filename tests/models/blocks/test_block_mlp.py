"""The MLP in parts against the operations one by one."""

import pytest
import torch

from xec_geometry import hex_positions
from xec_models.blocks import block_mlp, next_block
from xec_models.blocks.convnext import ConvNeXtV2Block
from xec_models.blocks.hexnext import HexNeXtBlock


def _result(block, x, weights):
    block.zero_grad()
    x = x.clone().requires_grad_()
    y = block(x)
    (y * weights).sum().backward()
    return [y.detach(), x.grad, *(parameter.grad.clone() for parameter in block.parameters())]


@pytest.mark.parametrize("events_at_a_time", [1, 2, 5])
@pytest.mark.parametrize(
    ("build", "shape"), [(ConvNeXtV2Block, (5, 6, 4, 8)), (HexNeXtBlock, (5, len(hex_positions()), 8))]
)
def test_parts_are_the_whole(monkeypatch, build, shape, events_at_a_time):
    block = build(8).double()
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.normal_()
    x, weights = torch.randn(2, *shape, dtype=torch.float64)
    hidden = 4 * x[0].nbytes
    monkeypatch.setattr(block_mlp, "CHUNK_BYTES", events_at_a_time * hidden)
    found = _result(block, x, weights)
    monkeypatch.setattr(next_block, "is_supported", lambda _: False)
    for one, other in zip(found, _result(block, x, weights), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


def test_the_activations_are_not_kept():
    block = ConvNeXtV2Block(8)
    x = torch.randn(4, 20, 10, 8, requires_grad=True)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor) or tensor, lambda t: t):
        block(x)
    assert max(tensor.numel() for tensor in kept) <= x.numel()
