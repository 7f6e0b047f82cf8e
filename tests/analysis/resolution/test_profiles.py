"""Bias and width in bins of another variable."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from xec_analysis.resolution.profiles import EVENTS_PER_BIN, MOST_BINS, bins_of, profile


@pytest.mark.parametrize("n", [1, 3, 39, 40, 100, 5000])
@pytest.mark.parametrize("shape", ["uniform", "exponential", "constant", "two values"])
def test_every_event_is_in_exactly_one_bin_and_none_is_empty(n, shape):
    rng = np.random.default_rng(n)
    values = {
        "uniform": rng.uniform(-1, 1, n),
        "exponential": rng.exponential(3.0, n),
        "constant": np.full(n, 0.0528),
        "two values": rng.integers(0, 2, n).astype(float),
    }[shape]
    bins = bins_of(values)
    assert sorted(np.concatenate(bins).tolist()) == list(range(n))
    assert 1 <= len(bins) <= MOST_BINS
    assert min(map(len, bins)) >= min(n, EVENTS_PER_BIN)
    edges = [(values[part].min(), values[part].max()) for part in bins]
    assert all(left[1] < right[0] for left, right in pairwise(edges))


def test_one_energy_gives_one_bin():
    points = profile(np.full(500, 0.0528), np.random.default_rng(0).normal(size=500))
    assert points.count.tolist() == [500]


def test_a_known_bias_and_width_come_out():
    rng = np.random.default_rng(3)
    x = rng.uniform(0, 10, 40000)
    residual = 0.5 * x + (1 + x) * rng.normal(size=len(x))
    points = profile(x, residual)
    pulls = (points.bias - 0.5 * points.centre) / points.bias_error
    assert np.abs(pulls).max() < 4
    # The central 68 % of a Gaussian are 0.9945 standard deviations wide.
    pulls = (points.width - 0.9945 * (1 + points.centre)) / points.width_error
    assert np.abs(pulls).max() < 4
    assert np.abs(pulls).std() < 2


def test_events_that_are_not_finite_do_not_count():
    x = np.array([1.0, np.nan, 3.0, 4.0])
    points = profile(x, np.array([1.0, 2.0, np.inf, 5.0]))
    assert points.count.tolist() == [2]
    assert points.bias.tolist() == [3.0]


def test_no_events():
    assert bins_of(np.array([])) == []
    assert profile(np.array([]), np.array([])).count.size == 0
