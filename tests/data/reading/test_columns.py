"""Any flat tree as columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import awkward as ak
import numpy as np
import pytest

from xec_data import DataError, read_columns


def test_all_columns_or_some(make_events: Callable[..., Any], write_tree: Any) -> None:
    events = make_events(5)
    path = write_tree(events, tree="results/predictions", clusters=2)
    found = read_columns(path, tree_name="results/predictions")
    assert list(found) == list(events)
    np.testing.assert_array_equal(found["npho"], events["npho"])
    assert list(read_columns(path, ["uvwTruth"], "results/predictions")) == ["uvwTruth"]


def test_a_missing_column(make_events: Callable[..., Any], write_tree: Any) -> None:
    with pytest.raises(DataError, match=r"no branch 'energyTrut' \(did you mean 'energyTruth'\?\)"):
        read_columns(write_tree(make_events(3)), ["energyTrut"])


def test_a_column_of_variable_length(write_tree: Any) -> None:
    path = write_tree({"x": np.arange(2), "list": ak.Array([[1.0], [2.0, 3.0]])})
    assert list(read_columns(path)) == ["x", "nlist"]
    with pytest.raises(DataError, match=r"branch 'list' is of type .*; expected numbers of fixed shape"):
        read_columns(path, ["list"])
