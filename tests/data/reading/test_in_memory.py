"""Events in the arrays of other libraries are rows of numbers, or told to be none."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
import pytest
import torch

from xec_data import DataError
from xec_data.reading.in_memory import as_event_rows

ROWS = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.mark.parametrize(
    "values",
    [
        ROWS,
        ROWS[::-1][::-1],
        ROWS.astype(">f8"),
        ROWS.tolist(),
        list(ROWS),
        ak.Array(ROWS),
        ak.Array(ROWS.tolist()),
        ak.Array([[0, 1, 2], [9, 9], [3, 4, 5]])[[0, 2]],
        torch.tensor(ROWS),
        torch.tensor(ROWS, requires_grad=True),
    ],
    ids=str,
)
def test_every_form_of_events(values: Any) -> None:
    np.testing.assert_array_equal(as_event_rows(values, "npho", 3), ROWS)


@pytest.mark.parametrize(
    "values", [ROWS[0], ROWS[0].tolist(), ak.Array(ROWS)[0], torch.tensor(ROWS[0])], ids=str
)
def test_one_event(values: Any) -> None:
    np.testing.assert_array_equal(as_event_rows(values, "npho", 3), ROWS[:1])


@pytest.mark.parametrize(
    "values",
    [np.empty((0, 3)), torch.empty((0, 3)), ak.Array(np.empty((0, 3))), ak.Array(ROWS.tolist())[:0]],
    ids=str,
)
def test_no_events(values: Any) -> None:
    assert as_event_rows(values, "npho", 3).shape == (0, 3)


def test_what_is_missing_is_no_number() -> None:
    found = as_event_rows(ak.Array([[1.0, None, 2.0]]), "npho", 3)
    np.testing.assert_array_equal(found, [[1, np.nan, 2]])


def test_numpy_arrays_are_not_copied() -> None:
    assert np.shares_memory(as_event_rows(ROWS, "npho", 3), ROWS)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (ak.Array([[1, 2, 3], [4, 5]]), "npho: event 1 has 2 numbers; expected 3"),
        ([[1, 2, 3], [4, 5]], "npho: rows of different lengths; expected 3 numbers in each"),
        (ROWS.T, r"npho has shape \(3, 2\); expected \(events, 3\), or \(3,\) for one event"),
        (ROWS[None], r"npho has shape \(1, 2, 3\)"),
        (5.0, r"npho has shape \(\)"),
        ([["a", "b", "c"]], "npho holds <U1; expected numbers"),
    ],
    ids=str,
)
def test_what_is_no_event(values: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        as_event_rows(values, "npho", 3)
