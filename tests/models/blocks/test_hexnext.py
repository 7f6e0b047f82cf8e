import numpy as np
import pytest
import torch

from xec_geometry import LAYOUTS, hex_edges, hex_positions
from xec_models.blocks.hex_graph import HexDepthwiseConv
from xec_models.blocks.hex_grid import HexGridConv
from xec_models.blocks.hex_operators import HEX_OPERATORS
from xec_models.blocks.hexnext import HexNeXtBlock
from xec_models.encoder.hex_encoder import HexEncoder

NODES = len(hex_positions())


def _conv(dim, layout="physical"):
    conv = HexDepthwiseConv(dim, layout).double()
    with torch.no_grad():
        conv.weight.normal_()
        conv.bias.normal_()
    return conv


@pytest.mark.parametrize("layout", LAYOUTS)
def test_depthwise_conv_against_a_sum_over_neighbours(layout):
    conv = _conv(3, layout)
    x = torch.randn(2, NODES, 3, dtype=torch.float64)
    expected = np.tile(conv.bias.detach().numpy(), (2, NODES, 1))
    weight = conv.weight.detach().numpy()[0]
    for source, target, direction in hex_edges(layout).T:
        expected[:, target] += weight[direction] * x[:, source].numpy()
    np.testing.assert_allclose(conv(x).detach().numpy(), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_convolution_on_the_axial_grid_is_the_same_sum(layout):
    reference = _conv(3, layout)
    grid = HexGridConv(3, layout).double()
    grid.load_state_dict(reference.state_dict())
    x = torch.randn(2, NODES, 3, dtype=torch.float64)
    torch.testing.assert_close(grid(x), reference(x), rtol=1e-12, atol=1e-12)


def _responses(layout):
    """For every interior node, what an impulse there does, as displacement -> response."""
    conv = _conv(2, layout)
    with torch.no_grad():
        conv.bias.zero_()
        x = torch.eye(NODES, dtype=torch.float64).unsqueeze(-1).expand(-1, -1, 2)
        y = conv(x).numpy()
    positions = hex_positions()
    sources, counts = np.unique(hex_edges(layout)[0], return_counts=True)
    for node in sources[counts == counts.max()]:
        reached = np.flatnonzero(np.any(y[node] != 0, axis=-1))
        yield {tuple(np.round(positions[i] - positions[node], 3)): y[node, i] for i in reached}


def test_a_pattern_shifted_along_the_lattice_gives_a_shifted_response():
    first, *others = list(_responses("physical"))
    assert len(first) == 7  # the node itself and six neighbours
    assert len(others) > 15
    for other in others:
        assert other.keys() == first.keys()
        for displacement, response in first.items():
            np.testing.assert_allclose(other[displacement], response)


def test_the_earlier_layout_is_no_lattice():
    first, *others = list(_responses("xec-ml-wl"))
    assert any(other.keys() != first.keys() for other in others)


@pytest.mark.parametrize("hex_conv", list(HEX_OPERATORS))
def test_gradients(hex_conv):
    block = HexNeXtBlock(4, hex_conv=hex_conv).double()
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.normal_()
    x = torch.randn(2, NODES, 4, dtype=torch.float64, requires_grad=True)
    keep = (torch.rand(2, NODES, 1) < 0.7).double()
    assert torch.autograd.gradcheck(block, (x,), fast_mode=True)
    assert torch.autograd.gradcheck(lambda x: block(x, keep), (x,), fast_mode=True)
    block(x).square().sum().backward()
    for name, parameter in block.named_parameters():
        assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("hex_conv", list(HEX_OPERATORS))
def test_masked_nodes_come_out_empty(hex_conv):
    encoder = HexEncoder(64, hex_conv=hex_conv)
    x = torch.randn(2, NODES, 2)
    mask = torch.rand(2, NODES) < 0.5
    y = encoder.features(x, mask)
    assert (y[mask] == 0).all()
    assert (y[~mask].abs().sum(-1) > 0).all()


def test_attention_depends_on_the_features():
    """The response to a change is not the same whatever else the node sees, as it is for a fixed kernel."""
    change = torch.zeros(1, NODES, 8)
    change[:, 30] = 1.0
    x = torch.randn(1, NODES, 8)

    def difference(operator, background):
        return operator(background + change) - operator(background)

    for name, fixed in (("depthwise", True), ("attention", False)):
        operator = HEX_OPERATORS[name].build(8, "physical")
        same = torch.allclose(difference(operator, x), difference(operator, 3 * x.flip(1, 2)), atol=1e-4)
        assert same == fixed
