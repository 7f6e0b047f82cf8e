"""The averaged weights against the recursion, and what must not be averaged."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from xec_train.engine.optimization.averaging import build_ema, decay_at


class WithTable(nn.Module):
    """A weight, a buffer of numbers and a table of indices."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(3, dtype=torch.float64))
        self.register_buffer("running", torch.zeros(3, dtype=torch.float64))
        self.register_buffer("table", torch.arange(5000))


@pytest.mark.parametrize("warm_up", [False, True])
def test_recursion(warm_up: bool) -> None:
    network = WithTable()
    ema = build_ema(network, 0.9, warm_up=warm_up)
    assert ema is not None
    expected = None
    for i in range(30):
        value = torch.randn(3, dtype=torch.float64, generator=torch.Generator().manual_seed(i))
        network.weight.data.copy_(value)
        network.running.copy_(2 * value)
        ema.update_parameters(network)
        decay = min(0.9, (1 + i) / (10 + i)) if warm_up else 0.9
        expected = value if expected is None else decay * expected + (1 - decay) * value
    torch.testing.assert_close(ema.module.weight.data, expected)
    torch.testing.assert_close(ema.module.running, 2 * expected)


def test_tables_of_indices_stay_what_they_are() -> None:
    network = WithTable()
    ema = build_ema(network, 0.999)
    assert ema is not None
    for _ in range(50):
        ema.update_parameters(network)
    assert torch.equal(ema.module.table, torch.arange(5000))


def test_decay_rises_to_its_value() -> None:
    decays = [decay_at(update, 0.999) for update in range(1, 20000)]
    assert decays == sorted(decays)
    assert decays[0] < 0.2
    assert decays[-1] == 0.999


def test_none_means_no_average() -> None:
    assert build_ema(WithTable(), None) is None
