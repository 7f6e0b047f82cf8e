"""Moments and their errors, against closed forms and whole resamplings."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from xec_analysis.metrics.resampling import REPLICAS, draw_counts, moments


def test_every_replica_has_as_many_events():
    counts = draw_counts(1000)
    assert counts.shape == (1000, REPLICAS)
    assert (counts.sum(axis=0) == 1000).all()
    # Poisson numbers, nearly.
    assert counts.var() == pytest.approx(1.0, abs=0.02)


def test_closed_forms_of_a_gaussian():
    n = 20_000
    values = np.random.default_rng(1).normal(3.0, 2.0, (n, 1)) + 1e4
    (found,) = moments(values, draw_counts(n))
    # 200 replicas know an error to 5 %.
    assert found.mean.error == pytest.approx(2 / np.sqrt(n), rel=0.2)
    assert found.std.error == pytest.approx(2 / np.sqrt(2 * n), rel=0.2)
    assert found.skewness.error == pytest.approx(np.sqrt(6 / n), rel=0.2)
    assert found.mean.value == pytest.approx(values.mean(), rel=1e-12)
    assert found.std.value == pytest.approx(values.std(), rel=1e-9)
    assert found.skewness.value == pytest.approx(stats.skew(values[:, 0]), abs=1e-9)


def test_the_errors_are_those_of_a_slow_bootstrap():
    values = np.random.default_rng(2).exponential(1.0, 500)
    (found,) = moments(values[:, np.newaxis], draw_counts(500))
    for number, statistic in (
        (found.mean, np.mean),
        (found.std, np.std),
        (found.skewness, stats.skew),
    ):
        slow = stats.bootstrap(
            (values,), statistic, n_resamples=2000, method="percentile", rng=np.random.default_rng(3)
        )
        assert number.error == pytest.approx(slow.standard_error, rel=0.2)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_hardly_any_events(n):
    values = np.arange(1.0, n + 1)[:, np.newaxis]
    (found,) = moments(values, draw_counts(100)[:n])
    assert found.mean.value == values.mean()
    assert np.isfinite(found.std.value) == (n > 1)
    assert np.isfinite(found.skewness.value) == (n > 2)
    assert (found.mean.error is None) == (n == 1)


def test_equal_values_have_no_skewness():
    (found,) = moments(np.full((50, 1), 0.1), draw_counts(50))
    assert (found.std.value, found.std.error) == (0.0, 0.0)
    assert np.isnan(found.skewness.value)
