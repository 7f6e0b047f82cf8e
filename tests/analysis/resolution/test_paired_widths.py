"""Ratios of widths on the same events, and who is the best, against closed forms and repeated experiments."""

from __future__ import annotations

import numpy as np
import pytest

from xec_analysis.resolution.paired_widths import (
    best_method,
    is_smaller,
    mean_width_ratio,
    width_ratio,
    width_ratios,
)
from xec_analysis.resolution.statistics import Number, half_width
from xec_models.regressor.metrics import half_width_68, percentile_68


def test_the_ratio_of_widths_on_the_same_events() -> None:
    rng = np.random.default_rng(7)
    reference = rng.normal(0, 1, 2000)
    assert width_ratio(reference, reference, half_width_68) == Number(1.0, 0.0)
    assert width_ratio(3 * reference, reference, half_width_68).value == pytest.approx(3)
    similar = reference + rng.normal(0, 0.1, 2000)
    number = width_ratio(similar, reference, half_width_68)
    apart = np.hypot(
        *(half_width(values).error / half_width(values).value for values in (similar, reference))
    )
    assert number.error is not None
    assert 0 < number.error < 0.6 * apart
    far = np.abs(reference)
    assert width_ratio(2 * far, far, percentile_68).value == pytest.approx(2)


def test_the_error_of_a_ratio_is_the_spread_of_repeated_experiments() -> None:
    rng = np.random.default_rng(8)
    numbers = []
    for _ in range(150):
        reference = rng.normal(0, 1, 300)
        numbers.append(width_ratio(reference + rng.normal(0, 0.5, 300), reference, half_width_68))
    values, errors = (np.array([getattr(n, part) for n in numbers]) for part in ("value", "error"))
    assert np.median(errors) == pytest.approx(values.std(), rel=0.2)


def test_all_pairs_at_once_are_the_pairs_one_by_one() -> None:
    rng = np.random.default_rng(9)
    residuals = {name: rng.normal(0, 1, 200) for name in "abc"}
    ratios = width_ratios(residuals, half_width_68)
    assert len(ratios) == 6
    for (one, other), ratio in ratios.items():
        assert ratio == width_ratio(residuals[one], residuals[other], half_width_68)


def test_the_geometric_mean_of_ratios() -> None:
    rng = np.random.default_rng(9)
    one, other = rng.normal(0, 1, (2, 500))
    similar = one + rng.normal(0, 0.2, 500)
    single = width_ratio(similar, one, half_width_68)
    assert mean_width_ratio([(similar, one, half_width_68)]) == single
    both = [(2 * one, one, half_width_68), (8 * np.abs(other), np.abs(other), percentile_68)]
    assert mean_width_ratio(both).value == pytest.approx(4)
    # The same quantity twice says nothing new.
    assert mean_width_ratio([(similar, one, half_width_68)] * 2).error == pytest.approx(single.error)
    independent = mean_width_ratio(
        [(similar, one, half_width_68), (other + similar - one, other, half_width_68)]
    )
    assert independent.error is not None
    assert single.error is not None
    assert independent.error < 0.9 * single.error


@pytest.mark.parametrize("values", [[], [1.0], [2.0, 2.0, 2.0]])
def test_a_ratio_that_is_not_defined(values: list[float]) -> None:
    ratio = width_ratio(np.array(values), np.array(values), half_width_68)
    assert np.isnan(ratio.value)
    assert not is_smaller(ratio)
    mean = mean_width_ratio([(np.array(values), np.array(values), half_width_68)])
    assert np.isnan(mean.value)
    assert mean.error is None


@pytest.mark.parametrize(
    ("ratio", "smaller"),
    [
        (Number(0.9, 0.04), True),
        (Number(0.9, 0.06), False),
        (Number(1.1, 0.01), False),
        (Number(0.9), False),
    ],
)
def test_two_errors_make_a_width_smaller(ratio: Number, smaller: bool) -> None:
    assert is_smaller(ratio) is smaller


def test_noise_in_common_does_not_hide_a_difference() -> None:
    rng = np.random.default_rng(10)
    shared = rng.normal(0, 1, 1000)
    residuals = {"better": shared, "worse": 1.03 * shared + rng.normal(0, 0.02, 1000)}
    widths = {name: half_width(values) for name, values in residuals.items()}
    apart = np.hypot(*(number.error or 0.0 for number in widths.values()))
    assert widths["worse"].value - widths["better"].value < 2 * apart
    assert best_method(width_ratios(residuals, half_width_68)) == "better"


def test_equal_methods_are_rarely_told_apart() -> None:
    rng = np.random.default_rng(11)
    wrong = 0
    for _ in range(200):
        ratios = width_ratios({name: rng.laplace(0, 1, 300) for name in "ab"}, half_width_68)
        wrong += best_method(ratios) is not None
    # Two standard deviations on either side: 4.6 % of 200, with an error of 3.
    assert wrong < 9 + 4 * 3


def test_the_best_is_better_than_all_others() -> None:
    rng = np.random.default_rng(12)
    a = rng.normal(0, 1, 1000)
    residuals = {"a": a, "b": 1.02 * rng.permutation(a), "c": 3 * rng.permutation(a)}
    assert best_method(width_ratios(residuals, half_width_68)) is None
    residuals["b"] *= 0.5
    assert best_method(width_ratios(residuals, half_width_68)) == "b"
    assert best_method(width_ratios({"a": residuals["a"]}, half_width_68)) is None
