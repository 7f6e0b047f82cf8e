"""Events of two files are the same ones, or nothing is said about them together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from xec_analysis.comparison.matching import match_events
from xec_analysis.resolution.collecting import collect_results
from xec_analysis.resolution.results import TaskResult

MakeColumns = Callable[..., dict[str, Any]]


def energies(columns: dict[str, Any]) -> TaskResult:
    return collect_results(columns, "x", Path("x"), ["energy"]).tasks["energy"]


def test_events_are_known_by_their_numbers_in_any_order(make_columns: MakeColumns) -> None:
    columns = make_columns(50)
    order = np.random.default_rng(1).permutation(50)[:30]
    matching = match_events(energies(columns), energies({k: v[order] for k, v in columns.items()}))
    assert len(matching) == 30
    assert not matching.problem
    assert matching.how == "run and event number"
    np.testing.assert_array_equal(order[matching.other], matching.one)


def test_without_numbers_entries_tell(make_columns: MakeColumns) -> None:
    columns = make_columns(50)
    del columns["event"]
    other = {**columns, "pred_energy": columns["pred_energy"].copy()}
    other["pred_energy"][3] = np.nan
    matching = match_events(energies(columns), energies(other))
    assert (len(matching), matching.how) == (49, "entry in the file")
    assert 3 not in matching.one
    shorter = {name: values[:20] for name, values in columns.items()}
    assert "they have 50 and 20 entries" in match_events(energies(columns), energies(shorter)).problem


def test_the_same_numbers_with_another_truth_are_other_events(make_columns: MakeColumns) -> None:
    one, other = make_columns(50), make_columns(50, seed=1)
    matching = match_events(energies(one), energies(other))
    assert len(matching) == 0
    assert "50 of 50 events with the same run and event number have another truth" in matching.problem


def test_single_precision_is_no_other_truth(make_columns: MakeColumns) -> None:
    columns = make_columns(50)
    single = {**columns, "energyTruth": columns["energyTruth"].astype(np.float32)}
    assert len(match_events(energies(columns), energies(single))) == 50


def test_other_numbers_are_other_events(make_columns: MakeColumns) -> None:
    columns = make_columns(50)
    other = {**columns, "run": columns["run"] + 1}
    assert "no event of one has" in match_events(energies(columns), energies(other)).problem
