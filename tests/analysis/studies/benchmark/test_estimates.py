"""Files of estimates: the events they are assigned to, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xec_analysis import AnalysisError
from xec_analysis.studies.benchmark.compared_files import ComparedFile, parse_compared, read_compared
from xec_analysis.studies.benchmark.estimates import (
    Estimates,
    MismatchError,
    assign,
    read_estimate_columns,
)
from xec_analysis.studies.benchmark.truth import SetTruth

N = 50
Columns = dict[str, np.ndarray[Any, Any]]


@pytest.fixture
def truth(make_truth: Callable[..., SetTruth]) -> SetTruth:
    return make_truth(N)


@pytest.fixture
def columns(truth: SetTruth) -> Columns:
    """A file with everything, whose estimates tell the event: u = 100 + its place."""
    place = np.arange(float(N))
    uvw = truth.values["uvwFI"]
    return {
        "run": truth.run.copy(),
        "event": truth.event.copy(),
        "uvwTruth": uvw.astype(np.float32),
        "truth_energy": truth.values["energy"][:, 0].astype(np.float32),
        "pred_u": 100 + place,
        "pred_v": uvw[:, 1],
        "pred_w": uvw[:, 2],
        "sigma_u": np.ones(N),
        "sigma_v": np.ones(N),
        "sigma_w": np.zeros(N),
    }


def some(columns: Columns, lines: Any, without: tuple[str, ...] = ()) -> Columns:
    return {name: values[lines] for name, values in columns.items() if name not in without}


def u_of(estimates: Estimates) -> Any:
    return estimates.values["uvwFI"][:, 0]


def test_events_in_any_order_are_found_by_their_numbers(columns: Columns, truth: SetTruth) -> None:
    shuffled = np.random.default_rng(0).permutation(N)
    np.testing.assert_array_equal(u_of(assign(some(columns, shuffled), truth, "mine")), 100 + np.arange(N))


def test_missing_events_have_no_estimate(columns: Columns, truth: SetTruth) -> None:
    estimates = assign(some(columns, slice(10, None)), truth, "mine")
    assert np.isnan(u_of(estimates)[:10]).all()
    np.testing.assert_array_equal(u_of(estimates)[10:], 100 + np.arange(10, N))


def test_invalid_estimates_and_uncertainties_are_none(columns: Columns, truth: SetTruth) -> None:
    columns["pred_u"][3] = 1e10
    estimates = assign(columns, truth, "mine")
    assert np.isnan(u_of(estimates)[3])
    assert np.isnan(estimates.sigma["uvwFI"][:, 2]).all(), "σ = 0"
    assert list(estimates.values) == ["uvwFI"], "the others are not in the file"


def test_entries_or_lines_stand_for_numbers_that_are_not_there(columns: Columns, truth: SetTruth) -> None:
    lines = slice(None, None, -1)
    entries = some(columns, lines, ("event",)) | {"entry": np.arange(N)[lines]}
    np.testing.assert_array_equal(u_of(assign(entries, truth, "mine")), 100 + np.arange(N))
    by_line = some(columns, slice(None), ("run", "event"))
    np.testing.assert_array_equal(u_of(assign(by_line, truth, "mine")), 100 + np.arange(N))


def _other_run(columns: Columns) -> None:
    columns["run"] += 1


def _other_event(columns: Columns) -> None:
    columns["event"][-1] = 4711


def _twice(columns: Columns) -> None:
    columns["event"][4] = columns["event"][7]


def _other_point(columns: Columns) -> None:
    columns["uvwTruth"][5, 1] += 0.1


def _other_energy(columns: Columns) -> None:
    columns["truth_energy"][6] *= 1.001


def _no_truth(columns: Columns) -> None:
    columns["truth_energy"][8] = np.nan


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (
            _other_run,
            r"50 of 50 events are not in it, such as run 44, event 0 \(expected run 43, events 0 to 49",
        ),
        (_other_event, "1 of 50 events are not in it, such as run 43, event 4711"),
        (_twice, "run 43, event 7 occurs 2 times, expected once"),
        (_other_point, "the true v of its event 5 is .* cm, expected .* cm"),
        (
            _other_energy,
            "the true E_gamma of its event 6 is .* GeV, expected .* GeV|the true energy of its event 6",
        ),
        (_no_truth, "of its event 8 is nan"),
    ],
)
def test_other_events_are_refused(
    columns: Columns, truth: SetTruth, spoil: Callable[[Columns], None], complaint: str
) -> None:
    spoil(columns)
    with pytest.raises(MismatchError, match=complaint):
        assign(columns, truth, "mine")


@pytest.mark.parametrize(
    ("entries", "complaint"),
    [
        (np.arange(1, N + 1), "entry 50, expected 0 to 49"),
        (np.zeros(N, dtype=int), "entry 0 occurs 50 times, expected once"),
    ],
)
def test_other_entries_are_refused(columns: Columns, truth: SetTruth, entries: Any, complaint: str) -> None:
    with pytest.raises(MismatchError, match=complaint):
        assign(some(columns, slice(None), ("run",)) | {"entry": entries}, truth, "mine")


def test_another_number_of_lines_is_refused(columns: Columns, truth: SetTruth) -> None:
    with pytest.raises(MismatchError, match="49 events, expected 50"):
        assign(some(columns, slice(1, None), ("run", "event")), truth, "mine")


def test_a_file_without_estimates_is_refused(
    columns: Columns, tmp_path: Path, write_tree: Callable[[Path, Columns], Path]
) -> None:
    path = write_tree(tmp_path / "mine.root", {"run": columns["run"], "pred_u": columns["pred_u"]})
    with pytest.raises(AnalysisError, match=r"no estimates in it; expected pred_theta, .*; found pred_u,"):
        read_estimate_columns(path)
    with pytest.raises(AnalysisError, match="no such file"):
        read_estimate_columns(tmp_path / "nowhere.root")


def test_a_csv_file_is_read_too(columns: Columns, truth: SetTruth, tmp_path: Path) -> None:
    names = ("run", "event", "pred_u", "pred_v", "pred_w")
    lines = [",".join(names), *(",".join(str(columns[name][k]) for name in names) for k in range(N))]
    (tmp_path / "mine.csv").write_text("\n".join(lines))
    estimates = assign(read_estimate_columns(tmp_path / "mine.csv"), truth, "mine")
    np.testing.assert_array_equal(u_of(estimates), 100 + np.arange(N))


@pytest.fixture
def truths(make_truth: Callable[..., SetTruth]) -> Mapping[str, SetTruth]:
    return {name: make_truth(N, name) for name in ("points", "points-dead")}


def test_the_set_of_a_file_is_recognized_by_the_run(
    columns: Columns,
    truths: Mapping[str, SetTruth],
    tmp_path: Path,
    write_tree: Callable[[Path, Columns], Path],
) -> None:
    first = ComparedFile(write_tree(tmp_path / "a.root", columns), "mine")
    columns["run"] = truths["points-dead"].run
    second = ComparedFile(write_tree(tmp_path / "b.root", columns), "mine")
    found = read_compared([first, second], truths)
    assert {name: [e.method for e in estimates] for name, estimates in found.items()} == {
        "points": ["mine"],
        "points-dead": ["mine"],
    }
    with pytest.raises(AnalysisError, match="the row 'mine' of the set points is given twice"):
        read_compared([first, first], truths)


def test_events_of_no_set_and_of_several_are_refused(
    columns: Columns,
    truths: Mapping[str, SetTruth],
    tmp_path: Path,
    write_tree: Callable[[Path, Columns], Path],
) -> None:
    unnamed = write_tree(tmp_path / "unnamed.root", some(columns, slice(None), ("run", "event")))
    with pytest.raises(
        AnalysisError, match="may be those of points or points-dead; expected the columns run and"
    ):
        read_compared([ComparedFile(unnamed, "mine")], truths)
    columns["run"] += 5
    other = write_tree(tmp_path / "other.root", columns)
    with pytest.raises(AnalysisError) as error:
        read_compared([ComparedFile(other, "mine")], truths)
    assert str(error.value).startswith(
        f"{other}: the events are not those of any set measured here: points: 50 of"
    )
    assert "\n" not in str(error.value)


def test_names_of_rows(tmp_path: Path) -> None:
    for name in ("mine.root", "a=b.root"):
        (tmp_path / name).write_text("")
    parsed = parse_compared(
        [f"{tmp_path}/mine.root", f"{tmp_path}/mine.root=our fit", f"{tmp_path}/a=b.root"], ()
    )
    assert [file.name for file in parsed] == ["mine", "our fit", "a=b"]
    with pytest.raises(
        AnalysisError, match=r"no such file: .*nowhere\.root; expected a file of estimates, or FILE=NAME"
    ):
        parse_compared([f"{tmp_path}/nowhere.root=x"], ())
    with pytest.raises(
        AnalysisError, match=r"the row 'refined' is there already; .* as in .*mine\.root=NAME"
    ):
        parse_compared([f"{tmp_path}/mine.root=refined"], ("refined",))
