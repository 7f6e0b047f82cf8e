"""The network beside the estimators, honestly."""

from __future__ import annotations

import io
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from xec_analysis import AnalysisError, collect_results, fit_baselines
from xec_analysis.estimators.file_estimates import estimate_file
from xec_analysis.estimators.network_comparison import (
    WidthComparison,
    compare,
    comparison_table,
    verdict,
)
from xec_analysis.resolution.statistics import Number
from xec_models.regressor.metrics import half_width_68


def contest(name, unit, widths, n=1000):
    """Gaussian residuals that have nothing in common: the error of a width is 0.961 / √n of it."""
    relative = 0.961 / np.sqrt(n)
    ratios = {(one, other): widths[one] / widths[other] for one, other in permutations(widths, 2)}
    return WidthComparison(
        name,
        unit,
        {method: Number(width, relative * width) for method, width in widths.items()},
        {pair: Number(ratio, np.sqrt(2) * relative * ratio) for pair, ratio in ratios.items()},
        n,
    )


@pytest.mark.parametrize(
    ("network", "rival", "best"),
    [(1.0, 2.0, "network"), (2.0, 1.0, "simple"), (1.0, 1.05, "even"), (1.05, 1.0, "even")],
)
def test_who_is_best(network, rival, best):
    # 1000 events: a width is known to 3 %, the ratio of two to 4.3 %.
    assert contest("u", "mm", {"network": network, "simple": rival}).best == best


def test_the_best_is_better_than_all_others():
    assert contest("u", "mm", {"network": 1.0, "simple": 3.0, "refined": 1.02}).best == "even"
    assert contest("u", "mm", {"network": 1.0, "simple": 3.0, "refined": 0.5}).best == "refined"


def make_baseline(columns, scale):
    """Estimates whose residuals are those of the predictions, scaled."""
    truth = {
        "uvwFI": columns["uvwTruth"],
        "energy": columns["energyTruth"][:, np.newaxis],
        "timing": columns["timeTruth"][:, np.newaxis],
        "angle": columns["emiAng"],
    }
    names = {"uvwFI": "uvw", "energy": ["energy"], "timing": ["timing"], "angle": ["theta", "phi"]}
    predicted = {task: np.column_stack([columns[f"pred_{name}"] for name in names[task]]) for task in truth}
    return {task: truth[task] + scale * (predicted[task] - truth[task]) for task in truth}


def test_every_quantity_is_compared(make_columns):
    columns = make_columns(2000)
    results = collect_results(columns, "x", Path("x"))
    estimates = {"simple": make_baseline(columns, 2.0), "refined": make_baseline(columns, 0.5)}
    comparisons = {comparison.name: comparison for comparison in compare(results, estimates)}
    assert list(comparisons) == ["opening angle", "energy", "time", "distance", "u", "v", "w"]
    for comparison in comparisons.values():
        assert comparison.widths["simple"].value == pytest.approx(
            2 * comparison.widths["network"].value, rel=0.01
        )
        assert comparison.better("network", "simple")
        assert comparison.best == "refined"
    # The unit is that of the smallest width.
    residual = columns["pred_u"] - columns["uvwTruth"][:, 0]
    assert comparisons["u"].widths["network"].value == pytest.approx(10 * half_width_68(residual))
    assert [comparisons[name].unit for name in ("u", "energy", "time")] == ["mm", "%", "ps"]


def test_only_events_that_all_can_do_count(make_columns):
    columns = make_columns(200)
    baseline = make_baseline(columns, 2.0)
    baseline["energy"][:50] = np.nan
    columns["pred_energy"][190:] = np.nan
    comparisons = compare(collect_results(columns, "x", Path("x")), {"simple": baseline})
    assert {comparison.name: comparison.n_events for comparison in comparisons}["energy"] == 140
    assert {comparison.name: comparison.n_events for comparison in comparisons}["u"] == 200


def test_errors_know_tails(make_columns):
    n = 20_000
    columns = make_columns(n)
    residual = 0.01 * np.random.default_rng(0).standard_cauchy(n)
    columns["pred_energy"] = columns["energyTruth"] * (1 + residual)
    results = collect_results(columns, "x", Path("x"), ["energy"])
    (comparison,) = compare(results, {"simple": make_baseline(columns, 2.0)})
    width = comparison.widths["network"]
    # Quantiles of order 0.16 and 0.84 of a Cauchy distribution: ± q, where its density is f.
    q = np.tan(0.34 * np.pi)
    f = 1 / (np.pi * (1 + q**2))
    error = np.sqrt(0.16 * (1 - 2 * 0.16) / 2) / f / np.sqrt(n)
    assert width.value == pytest.approx(q, abs=4 * error)
    assert width.error == pytest.approx(error, rel=0.1)
    assert width.error > 1.6 * 0.961 * width.value / np.sqrt(n), "more than of a Gaussian"


def test_no_event_that_all_can_do(make_columns):
    columns = make_columns(50)
    baseline = make_baseline(columns, 2.0)
    baseline["energy"][:] = np.nan
    comparisons = compare(collect_results(columns, "x", Path("x")), {"simple": baseline})
    energy = next(comparison for comparison in comparisons if comparison.name == "energy")
    assert (energy.n_events, energy.best) == (0, "even")
    Console(file=io.StringIO(), width=80).print(comparison_table(comparisons, "test"))


def test_files_that_do_not_belong_together(make_columns):
    results = collect_results(make_columns(20), "x", Path("x.root"))
    with pytest.raises(AnalysisError, match=r"x\.root: 20 predictions; expected 30, .* simple estimators"):
        compare(results, {"simple": make_baseline(make_columns(30), 1.0)})


CONTESTS = [
    contest("energy", "%", {"network": 1.0, "simple": 2.0, "refined": 0.5}),
    contest("u", "mm", {"network": 4.0, "simple": 5.0, "refined": 8.0}),
    contest("time", "ps", {"network": 70.0, "simple": 70.5, "refined": 60.0}),
]


def test_the_table_has_errors_and_fits_a_terminal():
    stream = io.StringIO()
    # As wide as a terminal that does not tell its width.
    Console(file=stream, width=80).print(comparison_table(CONTESTS, "test"))
    rows = [line.split("  ") for line in stream.getvalue().splitlines()[-4:-1]]
    # The error of a width from 1000 events is 0.961 / √1000 of it, 3.0 %.
    assert [[cell.strip() for cell in row if cell.strip()] for row in rows] == [
        ["energy", "1.000 ± 0.030", "2.000 ± 0.061", "0.500 ± 0.015", "%"],
        ["u", "4.00 ± 0.12", "5.00 ± 0.15", "8.00 ± 0.24", "mm"],
        ["time", "70.0 ± 2.1", "70.5 ± 2.1", "60.0 ± 1.8", "ps"],
    ]


def test_a_limit_has_a_column_of_its_own(make_columns):
    columns = make_columns(2000)
    results = collect_results(columns, "x", Path("x"))
    limits = {"uvwFI": np.full((2000, 3), 0.25), "energy": 0.01 * columns["energyTruth"][:, np.newaxis]}
    compared = compare(results, {"simple": make_baseline(columns, 2.0)}, limits)
    found = {comparison.name: comparison.limit for comparison in compared}
    # 68 % of a Gaussian lie within 0.9945 σ.
    assert found["u"] == pytest.approx(2.5 * 0.9945, rel=1e-3)
    assert found["energy"] == pytest.approx(0.9945, rel=1e-3)
    assert found["time"] is None
    stream = io.StringIO()
    Console(file=stream, width=80).print(comparison_table(compared, "test"))
    assert "limit" in stream.getvalue()
    assert "…" not in stream.getvalue()


def test_the_verdict_hides_nothing():
    assert verdict(CONTESTS, "simple") == (
        "The network is better than the simple estimators in energy, u; "
        "as good as the simple estimators in time."
    )
    assert verdict(CONTESTS, "refined") == (
        "The network is better than the refined estimators in u; "
        "worse than the refined estimators in energy, time."
    )


def test_the_estimators_run_over_files_of_any_length(training_file, events_file):
    estimates = estimate_file(fit_baselines(training_file, max_events=200).predict, events_file)
    assert {task: len(values) for task, values in estimates.items()} == dict.fromkeys(
        ("angle", "energy", "timing", "uvwFI"), 400
    )
