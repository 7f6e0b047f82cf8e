"""Finding our branches in a tree, and saying clearly when they are not there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot

from xec_data import SCHEMA, DataError, inspect_tree
from xec_geometry import N_SENSORS


def test_entries_clusters_and_stored_names(make_events: Callable[..., Any], write_tree: Any) -> None:
    info = inspect_tree(write_tree(make_events(12), clusters=3), ["npho", "time", "event"], optional=["dead"])
    assert (info.n_entries, info.cluster_starts.tolist()) == (12, [0, 4, 8])
    assert info.stored == {"npho": "npho", "time": "relative_time", "event": "event"}
    assert info.notes == ()


def test_older_names_are_read_with_a_note(make_events: Callable[..., Any], write_tree: Any) -> None:
    events = make_events(3)
    events["relative_npho"] = events.pop("npho")
    events["time"] = events.pop("relative_time")
    info = inspect_tree(write_tree(events), ["npho", "time"])
    assert info.stored == {"npho": "relative_npho", "time": "time"}
    assert len(info.notes) == 2
    assert "'relative_npho' is deprecated" in info.notes[0]
    assert "no branch 'relative_time', 'time' is read instead" in info.notes[1]


def test_the_photons_are_preferred_to_the_older_branch(
    make_events: Callable[..., Any], write_tree: Any
) -> None:
    events = make_events(3)
    events["relative_npho"] = events["npho"] / 5000
    path = write_tree(events)
    assert inspect_tree(path, ["npho"]).stored == {"npho": "npho"}
    chosen = inspect_tree(path, ["npho"], npho_branch="relative_npho")
    assert chosen.stored == {"npho": "relative_npho"}
    assert "deprecated" in chosen.notes[0]


def test_nothing_stands_in_for_a_name_chosen_on_purpose(
    make_events: Callable[..., Any], write_tree: Any
) -> None:
    events = make_events(3)
    events["npho_corrected"] = events["npho"]
    path = write_tree(events)
    assert inspect_tree(path, ["npho"], npho_branch="npho_corrected").stored == {"npho": "npho_corrected"}
    with pytest.raises(DataError, match=r"no branch 'npho_corected' .*did you mean 'npho_corrected'"):
        inspect_tree(path, ["npho"], npho_branch="npho_corected")


def test_a_missing_branch(make_events: Callable[..., Any], write_tree: Any) -> None:
    events = make_events(3)
    events["energyTrue"] = events.pop("energyTruth")
    path = write_tree(events)
    with pytest.raises(DataError) as caught:
        inspect_tree(path, ["npho", "energyTruth"])
    message = str(caught.value)
    for part in (str(path), "tree 'tree'", "no branch 'energyTruth'", "did you mean 'energyTrue'"):
        assert part in message
    assert "\n" not in message


def test_a_name_that_the_schema_does_not_have(make_events: Callable[..., Any], write_tree: Any) -> None:
    with pytest.raises(DataError, match=r"unknown branch 'nphoo' .*did you mean 'npho'"):
        inspect_tree(write_tree(make_events(2)), ["nphoo"])


@pytest.mark.parametrize("name", ["npho", "emiAng", "energyTruth"])
def test_one_number_too_few_or_many(make_events: Callable[..., Any], write_tree: Any, name: str) -> None:
    events = make_events(3)
    size = SCHEMA[name].size
    wrong = size - 1 if size > 1 else 2
    events[name] = np.zeros((3, wrong), dtype=np.float32)
    number = "number" if wrong == 1 else "numbers"
    expected = "number" if size == 1 else "numbers"
    with pytest.raises(
        DataError,
        match=rf"tree 'tree', branch '{name}' has {wrong} {number} per entry; expected {size} {expected}",
    ):
        inspect_tree(write_tree(events), [name])


def test_text_where_numbers_are_expected(tmp_path: Path) -> None:
    path = tmp_path / "text.root"
    with uproot.recreate(path) as file:
        file.mktree("tree", {"energyTruth": ["a", "b"]})
    with pytest.raises(DataError, match=r"branch 'energyTruth' is of type .*; expected 1 number"):
        inspect_tree(path, ["energyTruth"])


def test_no_events(tmp_path: Path) -> None:
    path = tmp_path / "none.root"
    with uproot.recreate(path) as file:
        file.mktree("tree", {"npho": np.dtype(("f4", (N_SENSORS,)))})
    with pytest.raises(DataError, match=r"none\.root: tree 'tree' has 0 events"):
        inspect_tree(path, ["npho"])


def test_several_trees_and_folders(make_events: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "many.root"
    with uproot.recreate(path) as file:
        file.mktree("rec/tree", {"npho": make_events(3)["npho"]})
        file.mktree("sim", {"npho": make_events(5)["npho"]})
        file["spectrum"] = np.histogram(np.arange(4))
        file.mkrntuple("columns", {"npho": np.zeros(3)})
    assert inspect_tree(path, ["npho"], tree_name="rec/tree").n_entries == 3
    assert inspect_tree(path, ["npho"], tree_name="sim").n_entries == 5
    with pytest.raises(DataError, match="no tree 'tree'; the trees in this file are 'rec/tree', 'sim'"):
        inspect_tree(path, ["npho"])
    with pytest.raises(DataError, match=r"no tree 'rec/tre'; .*did you mean 'rec/tree'"):
        inspect_tree(path, ["npho"], tree_name="rec/tre")
    with pytest.raises(DataError, match="'spectrum' is a TH1D; expected a TTree"):
        inspect_tree(path, ["npho"], tree_name="spectrum")
    with pytest.raises(DataError, match="'columns' is a ROOT::RNTuple; expected a TTree"):
        inspect_tree(path, ["npho"], tree_name="columns")


def test_a_file_without_trees(tmp_path: Path) -> None:
    path = tmp_path / "bare.root"
    with uproot.recreate(path) as file:
        file["spectrum"] = np.histogram(np.arange(4))
    with pytest.raises(DataError, match="no tree 'tree'; it has no trees"):
        inspect_tree(path, ["npho"])
