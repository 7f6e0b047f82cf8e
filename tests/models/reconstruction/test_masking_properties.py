"""Masks of the autoencoder for any ratio and any dead sensors: exact, valid, the same twice."""

from __future__ import annotations

import math

import numpy as np
import torch
from hypothesis import given, strategies as st
from tests.few_examples import few_examples

from xec_geometry import N_SENSORS
from xec_models.reconstruction.masking import draw_mask, event_scores


@few_examples
@given(
    shape=st.tuples(st.integers(1, 5), st.integers(1, 90)),
    alive=st.floats(0, 1),
    ratio=st.floats(0, 1),
    seed=st.integers(0, 99),
    weighted=st.booleans(),
)
def test_exact_numbers_of_valid_sensors(
    shape: tuple[int, int], alive: float, ratio: float, seed: int, weighted: bool
) -> None:
    rng = np.random.default_rng(seed)
    valid = torch.tensor(rng.random(shape) < alive)
    preferred = torch.tensor(rng.uniform(0.1, 5, shape)) if weighted else None

    def drawn() -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        return draw_mask(valid, ratio, preferred=preferred, generator=generator)

    mask = drawn()
    assert not (mask & ~valid).any()
    for row, possible in zip(mask, valid, strict=True):
        n = int(possible.sum())
        wanted = ratio * n
        # A fraction such as 0.6 of 5 is not below 3 for being written in binary.
        assert int(row.sum()) == math.floor(wanted + 1e-9)
        assert wanted - 1 < int(row.sum()) <= wanted + 1e-9
    assert torch.equal(drawn(), mask)


@few_examples
@given(seed=st.integers(0, 99), event=st.integers(0, 3), other_seed=st.integers(1, 9))
def test_a_mask_of_an_event_does_not_depend_on_its_batch(seed: int, event: int, other_seed: int) -> None:
    npho = torch.tensor(np.random.default_rng(seed).exponential(100, (4, N_SENSORS)), dtype=torch.float32)
    valid = torch.ones_like(npho, dtype=torch.bool)
    together = draw_mask(valid, 0.6, scores=event_scores(npho))
    alone = draw_mask(valid[:1], 0.6, scores=event_scores(npho[event : event + 1]))
    assert torch.equal(alone[0], together[event])
    assert not torch.equal(draw_mask(valid, 0.6, scores=event_scores(npho, other_seed)), together)
