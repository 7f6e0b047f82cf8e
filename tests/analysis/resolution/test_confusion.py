"""Counts, efficiencies and purities of a classification."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from scipy import stats

from xec_analysis import AnalysisError, collect_results, draw_page, metrics_table
from xec_analysis.resolution.confusion import class_table, count_classes, share_of

# By hand: 10 events, 6 of them right; class 3 never occurs, class 4 is never predicted.
TRUE = [0, 0, 1, 1, 1, 2, 2, 2, 2, 4]
SEEN = [0, 1, 1, 1, 2, 2, 2, 1, 2, 2]


def _result(true=TRUE, seen=SEEN):
    columns = {"n_gamma": np.array(true, np.int32), "pred_n_gamma": np.array(seen, np.int32)}
    return collect_results(columns, "x", Path("x.root"))


def _text(table):
    stream = io.StringIO()
    Console(file=stream, width=80).print(table)
    return stream.getvalue()


def test_counts_by_hand():
    counts = count_classes(_result().tasks["n_gamma"])
    assert counts.matrix.tolist() == [
        [1, 1, 0, 0, 0],
        [0, 2, 1, 0, 0],
        [0, 1, 3, 0, 0],
        [0, 0, 0, 0, 0],
        [0, 0, 1, 0, 0],
    ]
    assert counts.accuracy.value == pytest.approx(0.6)
    np.testing.assert_allclose(counts.efficiency.value, [1 / 2, 2 / 3, 3 / 4, np.nan, 0])
    np.testing.assert_allclose(counts.purity.value, [1, 2 / 4, 3 / 5, np.nan, np.nan])
    assert np.isnan(counts.efficiency.error[3])
    assert counts.efficiency.error[4] > 0


@pytest.mark.parametrize(("k", "n"), [(0, 1), (0, 20), (20, 20), (7, 10), (900, 1000)])
def test_errors_are_those_of_the_beta_distribution(k, n):
    share = share_of(k, n)
    assert float(share.value) == k / n
    assert float(share.error) == pytest.approx(stats.beta(k + 1, n - k + 1).std())


def test_errors_of_many_events_are_binomial():
    """The spread of the share in repeated samples of 2000 events."""
    rng = np.random.default_rng(1)
    shares = rng.binomial(2000, 0.7, 4000) / 2000
    assert float(share_of(1400, 2000).error) == pytest.approx(shares.std(), rel=4 / np.sqrt(2 * 4000))


def test_the_table_of_the_terminal():
    results = _result()
    rows = [line.split() for line in _text(class_table(results.tasks["n_gamma"])).splitlines()]
    assert rows[0][:3] == ["n_gamma:", "60", "±"]
    assert ["2", "0", "1", "3", "0", "0", "75", "±", "18", "60", "±", "17"] in [
        [cell for cell in row if cell] for row in rows
    ]
    assert ["3", "0", "0", "0", "0", "0"] in rows
    assert "60(14)" in _text(metrics_table(results))


def test_a_large_table_fits_a_terminal():
    rng = np.random.default_rng(2)
    true = rng.integers(0, 5, 600_000)
    text = _text(class_table(_result(true, np.where(rng.random(len(true)) < 0.9, true, 2)).tasks["n_gamma"]))
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_the_page_shows_counts_efficiencies_and_purities(tmp_path, written_texts):
    draw_page(_result().tasks["n_gamma"], "x", tmp_path / "x.png")
    (texts,) = written_texts
    assert "right class: 60 ± 14 %" in texts
    assert {"3\n75.0 %", "1\n100.0 %", "efficiency", "purity", r"predicted $n_\gamma$"} <= set(texts)


@pytest.mark.parametrize(
    ("true", "seen", "complaint"),
    [([0, -1], [0, 0], "true class -1, 1 of 2"), ([0, 1], [5, 6], "predicted class 5, 2 of 2")],
)
def test_classes_that_do_not_exist(true, seen, complaint):
    with pytest.raises(AnalysisError, match=f"{complaint} events have none of .*; expected classes 0 to 4"):
        count_classes(_result(true, seen).tasks["n_gamma"])
