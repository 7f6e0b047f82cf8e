"""The norm over channels, and its form for ONNX files."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from xec_models.blocks import channel_norm
from xec_models.blocks.channel_norm import ChannelNorm


@pytest.mark.parametrize("dim", [8, 16, 24])
def test_both_forms_are_the_definition(dim: int, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(dim)
    norm, linear = ChannelNorm(dim), nn.Linear(dim, 3)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    # Far from zero: a variance from the mean of squares would lose its digits.
    x = 5 + torch.randn(2, 4, 5, dim) * torch.logspace(-2, 2, 5)[:, None]
    exact = x.double()
    centred = exact - exact.mean(-1, keepdim=True)
    unit = centred / (centred.square().mean(-1, keepdim=True) + norm.eps).sqrt()
    expected = unit * norm.weight.double() + norm.bias.double()
    product = F.linear(expected, linear.weight.double(), linear.bias.double())
    for exporting in (False, True):
        monkeypatch.setattr(channel_norm, "is_exporting", lambda exporting=exporting: exporting)
        torch.testing.assert_close(norm(x).double(), expected, rtol=1e-5, atol=1e-3)
        torch.testing.assert_close(norm.into(linear, x).double(), product, rtol=1e-5, atol=1e-3)
