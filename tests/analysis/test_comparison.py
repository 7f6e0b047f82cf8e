"""The network beside the estimators, honestly."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from xec_analysis import AnalysisError, collect_results, fit_baselines
from xec_analysis.comparison import Duel, compare, comparison_table, predict_baselines
from xec_models.metrics import half_width_68


@pytest.mark.parametrize(
    ("network", "baseline", "winner"),
    [(1.0, 2.0, "network"), (2.0, 1.0, "baseline"), (1.0, 1.05, "even"), (1.05, 1.0, "even")],
)
def test_who_wins(network, baseline, winner):
    # 1000 events: a width is known to 3 %, the difference of two to 4.3 %.
    assert Duel("u", "mm", network, baseline, 1000).winner == winner


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
    duels = {duel.name: duel for duel in compare(results, make_baseline(columns, 2.0))}
    assert list(duels) == ["emission angle (opening)", "energy", "time", "u", "v", "w"]
    for duel in duels.values():
        assert duel.baseline == pytest.approx(2 * duel.network, rel=0.01)
        assert duel.winner == "network"
    residual = columns["pred_u"] - columns["uvwTruth"][:, 0]
    assert duels["u"].network == pytest.approx(10 * half_width_68(residual))
    assert (duels["u"].unit, duels["energy"].unit, duels["time"].unit) == ("mm", "%", "ps")
    assert all(duel.winner == "baseline" for duel in compare(results, make_baseline(columns, 0.5)))


def test_only_events_that_both_can_do_count(make_columns):
    columns = make_columns(200)
    baseline = make_baseline(columns, 2.0)
    baseline["energy"][:50] = np.nan
    columns["pred_energy"][190:] = np.nan
    duels = {d.name: d for d in compare(collect_results(columns, "x", Path("x")), baseline)}
    assert duels["energy"].n_events == 140
    assert duels["u"].n_events == 200


def test_files_that_do_not_belong_together(make_columns):
    results = collect_results(make_columns(20), "x", Path("x.root"))
    with pytest.raises(AnalysisError, match=r"x\.root: 20 predictions; expected 30, one per event"):
        compare(results, make_baseline(make_columns(30), 1.0))


def test_the_table_says_who_is_better():
    duels = [Duel("energy", "%", 1.0, 2.0, 1000), Duel("u", "mm", 4.0, 2.0, 1000)]
    stream = io.StringIO()
    Console(file=stream, width=80).print(comparison_table(duels, "test"))
    energy, position = (line.split() for line in stream.getvalue().splitlines()[-3:-1])
    assert energy == ["energy", "1.00", "2.00", "%", "network", "0.50"]
    assert position == ["u", "4.00", "2.00", "mm", "baseline", "2.00"]


def test_the_estimators_run_over_files_of_any_length(training_file, events_file):
    estimates = predict_baselines(fit_baselines(training_file, max_events=200), events_file)
    assert {task: len(values) for task, values in estimates.items()} == dict.fromkeys(
        ("angle", "energy", "timing", "uvwFI"), 400
    )
