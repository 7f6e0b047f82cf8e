import pytest
import torch

from xec_models.blocks.drop_path import DropPath, drop_rates


def test_whole_samples_are_dropped_and_the_mean_stays():
    drop = DropPath(0.3).train()
    y = drop(torch.ones(4000, 3))
    assert torch.equal(y, y[:, :1].expand_as(y))
    kept = y[:, 0] != 0
    # 5 standard deviations of a binomial.
    assert kept.double().mean().item() == pytest.approx(0.7, abs=5 * (0.21 / 4000) ** 0.5)
    torch.testing.assert_close(y[kept], torch.full_like(y[kept], 1 / 0.7))


def test_evaluation_and_rate_zero_change_nothing():
    x = torch.randn(5, 3)
    assert DropPath(0.9).eval()(x) is x
    assert DropPath(0.0).train()(x) is x


def test_rates_rise_to_the_largest():
    assert drop_rates(0.4, 5) == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])
    assert drop_rates(0.4, 1) == [0.0]
