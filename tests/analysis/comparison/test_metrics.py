"""Values, ranks and differences of runs and predictions, against what is known beforehand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from xec_analysis import AnalysisError
from xec_analysis.comparison.metrics import Member, compare_metrics, mean_ranks
from xec_analysis.resolution.collecting import collect_results

MakeColumns = Callable[..., dict[str, Any]]


def member(label: str, columns: dict[str, Any], task: str = "energy") -> Member:
    return Member(label, None, collect_results(columns, label, Path(label), [task]))


def correlated(columns: dict[str, Any], rho: float, sigma: float, seed: int) -> dict[str, Any]:
    """The same events, predicted with residuals that have a correlation with those of the first."""
    truth = columns["energyTruth"]
    residual = columns["pred_energy"] - truth
    own = np.random.default_rng(seed).normal(0, residual.std(), len(truth))
    return {**columns, "pred_energy": truth + sigma * (rho * residual + np.sqrt(1 - rho**2) * own)}


def ratio_error(n: int, rho: float) -> float:
    """Relative error of the ratio of two 68 % half widths of Gaussian residuals with a correlation.

    Widths of n Gaussian residuals from the quantiles at ±q: each quantile has the covariance of counts
    below ±q over the density squared; between the two predictors the counts have the joint probabilities of
    a bivariate normal distribution.
    """
    from scipy.stats import multivariate_normal

    p = np.array([0.16, 0.84])
    q = norm.ppf(p)
    same = np.minimum.outer(p, p) - np.outer(p, p)
    joint = multivariate_normal([0, 0], [[1, rho], [rho, 1]])
    crossed = np.array([[joint.cdf([a, b]) for b in q] for a in q]) - np.outer(p, p)
    weights = np.array([-0.5, 0.5]) / norm.pdf(q)
    variance = (2 * weights @ same @ weights - 2 * weights @ crossed @ weights) / n
    return float(np.sqrt(variance) / q[1])


@pytest.mark.parametrize("rho", [0.0, 0.9, 0.99])
def test_the_error_of_a_difference_is_that_of_correlated_gaussians(
    make_columns: MakeColumns, rho: float
) -> None:
    n = 4000
    columns = make_columns(n)
    (metric,), _ = compare_metrics([member("a", columns), member("b", correlated(columns, rho, 1.1, seed=3))])
    difference = metric.standings[1].difference
    expected = 110 * ratio_error(n, rho)
    assert difference is not None
    assert difference.error == pytest.approx(expected, rel=0.25)
    assert abs(difference.value - 10) < 4 * expected
    assert metric.standings[1].n_matched == n


def test_equal_predictions_differ_by_nothing(make_columns: MakeColumns) -> None:
    columns = make_columns(300)
    for task in ("energy", "uvwFI", "angle", "n_gamma"):
        metrics, notes = compare_metrics([member("a", columns, task), member("b", dict(columns), task)])
        for metric in metrics:
            difference = metric.standings[1].difference
            assert difference is not None
            assert (difference.value, difference.error) == (0.0, 0.0)
            assert metric.verdict(metric.standings[1]) == "same"
            assert [standing.rank for standing in metric.standings] == [1, 1]
        assert not notes


def test_other_events_are_told_and_taken_as_independent(make_columns: MakeColumns) -> None:
    (metric,), notes = compare_metrics(
        [member("a", make_columns(400)), member("b", make_columns(400, seed=9))]
    )
    one, other = (standing.value for standing in metric.standings)
    difference = metric.standings[1].difference
    assert difference is not None
    assert one.error is not None
    assert other.error is not None
    relative = np.hypot(one.error / one.value, other.error / other.value)
    assert difference.error == pytest.approx(100 * other.value / one.value * relative)
    assert metric.standings[1].n_matched == 0
    (line,) = notes
    assert "b and a were not measured on the same events: 400 of 400" in line
    assert "independent events" in line


def test_events_in_common_are_counted(make_columns: MakeColumns) -> None:
    columns = make_columns(400)
    part = {name: values[:100] for name, values in columns.items()}
    (metric,), notes = compare_metrics([member("a", columns), member("b", part)])
    assert metric.standings[1].n_matched == 100
    assert metric.standings[1].difference.value == 0.0
    said = (
        "100 events in common by run and event number, of 400 of a and 100 of b; differences are about these"
    )
    assert notes == [f"energy: {said}"]


def test_the_difference_has_a_verdict_and_the_best_the_first_rank(make_columns: MakeColumns) -> None:
    columns = make_columns(2000)
    members = [
        member("a", columns),
        member("worse", correlated(columns, 0.99, 1.5, 1)),
        member("better", correlated(columns, 0.99, 0.5, 2)),
    ]
    (metric,), _ = compare_metrics(members)
    assert [metric.verdict(standing) for standing in metric.standings] == ["", "worse", "better"]
    assert [standing.rank for standing in metric.standings] == [2, 3, 1]
    assert mean_ranks([metric]) == {"a": 2, "worse": 3, "better": 1}


def test_more_right_classes_are_better(make_columns: MakeColumns) -> None:
    columns = make_columns(2000)
    right = {**columns, "pred_n_gamma": columns["n_gamma"].copy()}
    right["pred_n_gamma"][:20] = 3
    (metric,), _ = compare_metrics([member("a", columns, "n_gamma"), member("b", right, "n_gamma")])
    assert metric.standings[1].value.value == pytest.approx(99.0)
    assert metric.verdict(metric.standings[1]) == "better"
    assert [standing.rank for standing in metric.standings] == [2, 1]


def test_no_task_in_common(make_columns: MakeColumns) -> None:
    columns = make_columns(50)
    with pytest.raises(AnalysisError, match=r"no task in common: a \(energy\), b \(timing\)"):
        compare_metrics([member("a", columns), member("b", columns, "timing")])
