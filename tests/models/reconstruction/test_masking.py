"""Masks: exact numbers, never an invalid sensor, each sensor as often as the others."""

import numpy as np
import pytest
import torch

from xec_geometry import N_SENSORS
from xec_models.reconstruction.masking import draw_mask, event_scores, smallest


def some_valid(n=6, seed=0):
    valid = torch.rand(n, N_SENSORS, generator=torch.Generator().manual_seed(seed)) > 0.1
    valid[0] = True
    valid[1] = False
    valid[2, 7:] = False
    return valid


@pytest.mark.parametrize("ratio", [0.0, 0.05, 0.3, 0.6, 1.0])
def test_exactly_the_part_of_the_valid_sensors(ratio):
    valid = some_valid()
    mask = draw_mask(valid, ratio)
    expected = [int(np.floor(round(ratio * n, 6))) for n in valid.sum(1).tolist()]
    assert mask.sum(1).tolist() == expected
    assert not (mask & ~valid).any()


def test_seeded_and_different_from_event_to_event():
    valid = torch.ones(3, N_SENSORS, dtype=torch.bool)
    first, again = (draw_mask(valid, 0.5, generator=torch.Generator().manual_seed(4)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first, draw_mask(valid, 0.5, generator=torch.Generator().manual_seed(5)))


def test_every_sensor_is_chosen_as_often():
    n, sensors, ratio = 4000, 40, 0.3
    often = draw_mask(
        torch.ones(n, sensors, dtype=torch.bool), ratio, generator=torch.Generator().manual_seed(1)
    )
    pulls = (often.double().sum(0) - n * ratio) / (n * ratio * (1 - ratio)) ** 0.5
    assert pulls.abs().max() < 4


def test_preferred_sensors_come_first():
    n = 20000
    valid, preferred = torch.ones(n, 3, dtype=torch.bool), torch.tensor([4.0, 1.0, 1.0]).expand(n, 3)
    mask = draw_mask(valid, 0.34, preferred=preferred, generator=torch.Generator().manual_seed(2))
    # One of three: with probability 4/6, 1/6, 1/6.
    assert mask.double().mean(0).numpy() == pytest.approx([4 / 6, 1 / 6, 1 / 6], abs=4 * (0.25 / n) ** 0.5)


def test_smallest_against_a_sort():
    scores = torch.rand(5, 30, generator=torch.Generator().manual_seed(3)).round(decimals=1)  # many ties
    counts = torch.tensor([0, 1, 15, 29, 30])
    mask = smallest(scores, counts)
    assert mask.sum(1).tolist() == counts.tolist()
    for row, chosen, count in zip(scores, mask, counts.tolist(), strict=True):
        assert torch.equal(row[chosen].sort().values, row.sort().values[:count])


class TestScoresOfAnEvent:
    def test_depend_on_the_event_alone(self):
        npho = torch.rand(4, N_SENSORS, generator=torch.Generator().manual_seed(0)) * 1e4
        npho[1, 5], npho[2, 6] = 1e10, torch.nan
        scores = event_scores(npho)
        for i in range(4):
            assert torch.equal(event_scores(npho[i : i + 1])[0], scores[i])
        assert not torch.equal(event_scores(npho, seed=1), scores)

    def test_are_uniform_and_independent(self):
        npho = torch.rand(50, N_SENSORS, generator=torch.Generator().manual_seed(0)) * 1e4
        scores = event_scores(npho)
        assert scores.min() >= 0
        assert scores.max() < 1
        n = scores.numel()
        counts = torch.histc(scores, 100, 0, 1)
        chi2 = ((counts - n / 100) ** 2 / (n / 100)).sum()
        assert chi2 < 99 + 5 * (2 * 99) ** 0.5
        centred = scores - 0.5
        for other in (centred.roll(1, 1), centred.roll(1, 0)):
            assert abs((centred * other).mean()) < 5 / 12 / n**0.5

    def test_any_seed(self):
        npho = torch.arange(N_SENSORS, dtype=torch.float32)[None] + 1
        seeds = (0, 1, 2, 7, 2**31, 2**63 - 1, 2**64 - 1)
        scores = torch.cat([event_scores(npho, seed) for seed in seeds])
        assert len(torch.unique(scores, dim=0)) == len(seeds)
        assert ((scores >= 0) & (scores < 1)).all()

    def test_an_event_with_two_sensors_exchanged_is_another(self):
        npho = torch.arange(N_SENSORS, dtype=torch.float32)[None] + 1
        assert not torch.equal(event_scores(npho), event_scores(npho.flip(1)))
