"""Numbers and their errors, against closed forms, brute force and repeated experiments."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import scipy.stats

from xec_analysis.resolution.statistics import (
    Floats,
    Number,
    asymmetry,
    containment,
    half_width,
    median,
    median_of,
    mixture_half_width,
    pull_width,
    root_mean_square,
    spread,
)
from xec_models.regressor.metrics import (
    WIDTH_ERROR,
    half_width_68,
    percentile_68,
    pull_width as pull_width_of_metrics,
)

MEASURES: dict[str, Callable[[Floats], Number]] = {
    "half width": half_width,
    "containment": lambda values: containment(np.abs(values)),
    "median": median,
    "spread": spread,
    "root mean square": root_mean_square,
}
DRAWS: dict[str, Callable[[np.random.Generator, int], Floats]] = {
    "Gaussian": lambda rng, n: rng.normal(0.3, 2.0, n),
    "tails": lambda rng, n: rng.laplace(0.3, 2.0, n),
    "skew": lambda rng, n: rng.exponential(2.0, n),
}


def test_values_are_those_of_the_metrics() -> None:
    values = DRAWS["skew"](np.random.default_rng(1), 1001)
    sigma = np.random.default_rng(2).uniform(1, 3, 1001)
    assert half_width(values).value == pytest.approx(half_width_68(values), rel=1e-12)
    assert containment(values).value == pytest.approx(percentile_68(values), rel=1e-12)
    assert median(values).value == pytest.approx(np.median(values), rel=1e-12)
    assert spread(values).value == pytest.approx(np.std(values, ddof=1), rel=1e-12)
    assert pull_width(values, sigma).value == pytest.approx(pull_width_of_metrics(values, sigma), rel=1e-12)


@pytest.mark.parametrize("draw", DRAWS)
@pytest.mark.parametrize("name", MEASURES)
def test_the_error_is_the_spread_of_repeated_experiments(name: str, draw: str) -> None:
    rng = np.random.default_rng(11)
    numbers = [MEASURES[name](DRAWS[draw](rng, 400)) for _ in range(400)]
    values, errors = (np.array([getattr(n, part) for n in numbers]) for part in ("value", "error"))
    # The spread of 400 experiments is known to 3.5 %; quantiles of 400 events have errors of some percent.
    assert np.median(errors) == pytest.approx(values.std(), rel=0.13)


def test_errors_cover_the_true_width() -> None:
    rng = np.random.default_rng(12)
    true = 2.0 * 0.99446  # of a Gaussian
    pulls = [
        (n.value - true) / n.error for n in (half_width(rng.normal(0, 2, 500)) for _ in range(400)) if n.error
    ]
    assert np.mean(np.abs(pulls) < 1) == pytest.approx(0.68, abs=0.07)


def test_the_closed_form_for_a_gaussian() -> None:
    n = 20_000
    values = np.random.default_rng(3).normal(0, 1, n)
    number = half_width(values)
    assert number.error == pytest.approx(WIDTH_ERROR * number.value / np.sqrt(n), rel=0.1)
    assert spread(values).error == pytest.approx(1 / np.sqrt(2 * n), rel=0.05)
    assert asymmetry(values).error == pytest.approx(np.sqrt(6 / n), rel=0.05)
    assert asymmetry(values).value == pytest.approx(scipy.stats.skew(values), rel=1e-9)


def test_order_statistics_stand_for_whole_resamplings() -> None:
    values = DRAWS["skew"](np.random.default_rng(4), 101)
    drawn = values[np.random.default_rng(5).integers(0, 101, (4000, 101))]
    low, high = np.percentile(drawn, [16, 84], axis=1)
    assert half_width(values).error == pytest.approx(((high - low) / 2).std(), rel=0.08)
    assert median(values).error == pytest.approx(np.median(drawn, axis=1).std(), rel=0.08)


def test_the_same_values_give_the_same_error() -> None:
    values = DRAWS["tails"](np.random.default_rng(6), 300)
    assert half_width(values) == half_width(values[::-1])


@pytest.mark.parametrize("n", [3, 4])
@pytest.mark.parametrize("name", MEASURES)
def test_hardly_any_events(name: str, n: int) -> None:
    number = MEASURES[name](np.arange(1.0, n + 1))
    assert np.isfinite([number.value, number.error]).all()


@pytest.mark.parametrize("name", MEASURES)
def test_a_single_event_has_no_width_and_no_error(name: str) -> None:
    number = MEASURES[name](np.array([1.5]))
    assert np.isnan(number.value) or number.value == 1.5
    assert number.error is None or np.isnan(number.error)


def test_no_events() -> None:
    for number in (half_width(np.array([])), containment(np.array([]))):
        assert np.isnan(number.value)
        assert number.error is None


def test_the_width_of_a_mixture() -> None:
    rng = np.random.default_rng(9)
    sigma = rng.uniform(0.5, 4.0, 400_000)
    assert mixture_half_width(sigma) == pytest.approx(
        half_width_68(sigma * rng.standard_normal(400_000)), rel=5e-3
    )
    assert mixture_half_width(np.full(5, 2.0)) == pytest.approx(2 * 0.994458, rel=1e-5)


def test_the_median_of_numbers() -> None:
    numbers = [Number(value, 0.1) for value in (1.0, 1.0, 1.0, 1.0, 1.0)]
    # The median of five Gaussians has a standard deviation of 0.536 of one.
    assert median_of(numbers).error == pytest.approx(0.0536, rel=0.08)
    assert median_of([Number(1.0), Number(5.0), Number(2.0)]) == Number(2.0, 0.0)


def test_another_unit() -> None:
    assert Number(2.0, 0.5).scaled(10) == Number(20.0, 5.0)
    assert Number(2.0).scaled(10) == Number(20.0)
