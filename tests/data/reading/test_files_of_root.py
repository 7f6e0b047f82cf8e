"""A file written by ROOT itself (see events_by_root.C), with what uproot cannot write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xec_data import DataError, EventReader, inspect_tree, read_columns
from xec_data.checking.check import check_file
from xec_data.schema.branches import SCHEMA
from xec_geometry import N_SENSORS

FILE = Path(__file__).with_name("events_by_root.bin")
TREE = "reconstruction/tree"


@pytest.fixture(scope="module")
def events() -> dict[str, Any]:
    reader = EventReader(FILE, ["npho", "time"], optional=list(SCHEMA), tree_name=TREE)
    (chunk,) = reader
    return dict(chunk)


def test_arrays_and_vectors(events: dict[str, Any]) -> None:
    sensor, event = np.arange(N_SENSORS), np.arange(6)[:, None]
    npho = np.where(sensor % 1000 == 0, 1e10, sensor + 10000 * event)
    np.testing.assert_array_equal(events["npho"], npho.astype(np.float32))
    np.testing.assert_allclose(events["time"], (sensor % 7 + event) * 1e-9, rtol=1e-6)


def test_vectors_of_doubles_leaf_lists_and_doubles_of_32_bits(events: dict[str, Any]) -> None:
    i = np.arange(6)
    np.testing.assert_array_equal(events["xyzTruth"], -60 + i[:, None] + np.arange(3))
    np.testing.assert_array_equal(events["uvwTruth"], i[:, None] + np.arange(3))
    theta = 1.2 + 0.1 * i
    np.testing.assert_allclose(events["emiVec"][:, 2], np.cos(theta), rtol=1e-6)
    np.testing.assert_allclose(events["emiAng"][:, 0], np.rad2deg(theta), rtol=1e-6)
    np.testing.assert_allclose(events["energyTruth"], 0.05 + 0.001 * i, rtol=1e-6)
    np.testing.assert_allclose(events["energyReco"], 0.049 + 0.001 * i, rtol=1e-6)
    np.testing.assert_array_equal(events["event"], 100 + i)


def test_a_tree_without_events() -> None:
    with pytest.raises(DataError, match="tree 'empty' has 0 events"):
        inspect_tree(FILE, ["npho"], tree_name="empty")


def test_the_trees_are_listed() -> None:
    with pytest.raises(DataError, match="the trees in this file are 'empty', 'reconstruction/tree'"):
        inspect_tree(FILE, ["npho"])


def test_columns_of_fixed_shape_only() -> None:
    columns = read_columns(FILE, tree_name=TREE)
    assert "relative_time" not in columns
    np.testing.assert_array_equal(columns["event"], 100 + np.arange(6))


def test_checking_it() -> None:
    report = check_file(FILE, tree_name=TREE)
    assert report.error is None
    assert report.angle_unit == "deg"
    assert report.usable["uvwFI"]
    assert not report.usable["n_gamma"]
    assert report.dead == [0, 1000, 2000, 3000, 4000]
