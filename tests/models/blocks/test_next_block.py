"""The blocks against their formulas, read literally: channels first, float64, each norm spelt out."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from xec_models.blocks.convnext import ConvNeXtV2Block
from xec_models.blocks.grn import GlobalResponseNorm
from xec_models.encoder.face_backbone import FaceBackbone


def _randomized(module):
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_()
    return module.double()


def _literal_layer_norm(x, norm):
    """Over channels, the second axis of (B, C, H, W)."""
    mean = x.mean(1, keepdim=True)
    variance = ((x - mean) ** 2).mean(1, keepdim=True)
    y = (x - mean) / torch.sqrt(variance + 1e-6)
    return y * norm.weight[:, None, None] + norm.bias[:, None, None]


def _literal_linear(x, linear):
    return torch.einsum("oc,bchw->bohw", linear.weight, x) + linear.bias[:, None, None]


def _literal_grn(x, grn):
    norm = torch.sqrt((x**2).sum((2, 3), keepdim=True))
    response = norm / (norm.mean(1, keepdim=True) + 1e-6)
    return grn.gamma[:, None, None] * (x * response) + grn.beta[:, None, None] + x


def _literal_block(x, block, keep=1):
    y = keep * F.conv2d(x, block.dwconv.weight, block.dwconv.bias, padding=3, groups=x.shape[1])
    y = _literal_linear(_literal_layer_norm(y, block.norm), block.pwconv1)
    y = 0.5 * y * (1 + torch.erf(y / math.sqrt(2)))
    return keep * (x + _literal_linear(_literal_grn(y, block.grn), block.pwconv2))


def _literal_nearest(keep, shape):
    """Of (B, 1, H, W), the place in front of each of `shape` places spread over it."""
    rows, columns = (
        [i * have // want for i in range(want)] for have, want in zip(keep.shape[2:], shape, strict=True)
    )
    return keep[:, :, rows][..., columns]


def test_grn_is_its_formula():
    grn = _randomized(GlobalResponseNorm(5, space=(1, 2)))
    x = torch.randn(3, 4, 6, 5, dtype=torch.float64)
    expected = _literal_grn(x.permute(0, 3, 1, 2), grn).permute(0, 2, 3, 1)
    torch.testing.assert_close(grn(x), expected, rtol=1e-12, atol=1e-12)


def test_grn_starts_as_the_identity():
    x = torch.randn(2, 3, 3, 4)
    torch.testing.assert_close(GlobalResponseNorm(4, space=(1, 2))(x), x)


def test_grn_has_finite_gradients_at_zero():
    grn = _randomized(GlobalResponseNorm(4, space=(1, 2))).float()
    x = torch.zeros(2, 3, 3, 4, requires_grad=True)
    grn(x).sum().backward()
    assert torch.isfinite(x.grad).all()


@pytest.mark.parametrize("dim", [1, 2, 8])
def test_convnext_block_against_the_plain_form(dim):
    block = _randomized(ConvNeXtV2Block(dim))
    x = torch.randn(3, dim, 11, 9, dtype=torch.float64)
    found = block(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
    torch.testing.assert_close(found, _literal_block(x, block), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("hidden", [0, 0.4])
@pytest.mark.parametrize("face", [(24, 6), (9, 5), (31, 4)])
@pytest.mark.parametrize(
    ("stem", "stride", "places"), [("dense", 1, lambda n: n - 1), ("patch", 2, lambda n: n // 2)]
)
def test_backbone_against_the_plain_form(stem, stride, places, face, hidden):
    backbone = _randomized(FaceBackbone(64, stem=stem))
    x = torch.randn(2, *face, 2, dtype=torch.float64)
    mask = torch.rand(2, *face) < hidden
    keep = (~mask[:, None]).double()
    y = x.permute(0, 3, 1, 2) * keep
    y = F.conv2d(y, backbone.stem[0].weight, backbone.stem[0].bias, stride=stride, padding=1)
    shape = tuple(map(places, face))
    assert y.shape[2:] == shape
    keep = _literal_nearest(keep, shape)
    y = keep * _literal_layer_norm(y, backbone.stem[1])
    for block in backbone.stage1:
        y = _literal_block(y, block, keep)
    down = backbone.downsample
    y = F.conv2d(_literal_layer_norm(y, down[0]), down[1].weight, down[1].bias, stride=2)
    keep = _literal_nearest(keep, y.shape[2:])
    y = keep * y
    for block in backbone.stage2:
        y = _literal_block(y, block, keep)
    token = F.interpolate(y, size=(4, 4), mode="bilinear", align_corners=False).reshape(2, 64)
    torch.testing.assert_close(backbone(x, mask), token, rtol=1e-8, atol=1e-8)
    if not hidden:
        torch.testing.assert_close(backbone(x), token, rtol=1e-8, atol=1e-8)


def test_gradients_of_the_block():
    block = _randomized(ConvNeXtV2Block(2))
    x = torch.randn(2, 5, 4, 2, dtype=torch.float64, requires_grad=True)
    keep = (torch.rand(2, 5, 4, 1) < 0.7).double()
    assert torch.autograd.gradcheck(block, (x,))
    assert torch.autograd.gradcheck(lambda x: block(x, keep), (x,))
    block(x).square().sum().backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in block.parameters())


def test_masked_positions_come_out_empty_and_unheard():
    block = _randomized(ConvNeXtV2Block(4))
    keep = (torch.rand(2, 9, 8, 1) < 0.5).double()
    x = torch.randn(2, 9, 8, 4, dtype=torch.float64) * keep
    y = block(x, keep)
    assert (y[keep.expand_as(y) == 0] == 0).all()
    assert (y[keep.expand_as(y) == 1] != 0).all()


def test_an_open_block_forgets_masked_positions_and_fills_them():
    block = _randomized(ConvNeXtV2Block(4, closed=False))
    keep = (torch.rand(2, 9, 8, 1) < 0.5).double()
    x = torch.randn(2, 9, 8, 4, dtype=torch.float64)
    y = block(x, keep)
    assert (y != 0).all()
    # A masked position is where only the neighbourhood operator looks; what comes out is the same everywhere.
    filled = y[0][keep[0, ..., 0] == 0]
    torch.testing.assert_close(filled, filled[:1].expand_as(filled))
    # Against the block on what was left: the operator sees all of x.
    mixed = block.mix(x) * keep
    torch.testing.assert_close(y, x * keep + block.mlp(mixed))


def test_drop_path_leaves_the_input():
    block = ConvNeXtV2Block(4, drop_path=1 - 1e-9).train()
    x = torch.randn(3, 8, 8, 4)
    torch.testing.assert_close(block(x), x)
    assert not torch.allclose(block.eval()(x), x)


def test_the_block_under_autocast_stays_close():
    block = ConvNeXtV2Block(8)
    nn.init.normal_(block.grn.gamma)
    x = torch.randn(2, 12, 10, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = block(x)
    torch.testing.assert_close(y.float(), block(x), rtol=0.05, atol=0.05)
