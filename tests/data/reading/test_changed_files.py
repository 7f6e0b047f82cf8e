"""Files that are cut, removed, replaced or written to while they are in use: one line, no other events."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot

from xec_data import DataError, EventReader
from xec_data.reading.columns import read_columns
from xec_data.reading.file_identity import unchanged
from xec_data.writing.rewrite import rewrite_files

N_EVENTS = 24


@pytest.fixture
def path(make_events: Callable[..., Any], write_tree: Callable[..., Path]) -> Path:
    """A file of four clusters that was written some time ago."""
    written = write_tree(make_events(N_EVENTS), clusters=4)
    os.utime(written, (1_600_000_000, 1_600_000_000))
    return written


@pytest.fixture
def other(make_events: Callable[..., Any], write_tree: Callable[..., Path]) -> Path:
    """Another file of as many events."""
    return write_tree(make_events(N_EVENTS, seed=1), "other.root", clusters=4)


def cut(path: Path, _other: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def remove(path: Path, _other: Path) -> None:
    path.unlink()


def replace(path: Path, other: Path) -> None:
    other.replace(path)


def overwrite(path: Path, other: Path) -> None:
    path.write_bytes(other.read_bytes())


def grow(path: Path, _other: Path) -> None:
    with uproot.update(path) as file:
        file.mktree("more", {"x": np.arange(3)})


def flip(path: Path, _other: Path) -> None:
    with uproot.open({path: "tree"}) as tree:
        place = int(tree["npho"].member("fBasketSeek")[3]) + 2000
    with path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 1]))


FAULTS = [cut, remove, replace, overwrite, grow, flip]


def assert_told(error: pytest.ExceptionInfo[DataError], path: Path, fault: Any) -> None:
    text = str(error.value)
    assert len(text.splitlines()) == 1
    assert str(path) in text
    assert ("no such file" if fault is remove else "was changed while it was in use") in text


@pytest.mark.parametrize("fault", FAULTS)
def test_while_chunks_are_read(path: Path, other: Path, fault: Any) -> None:
    with EventReader(path, ["npho", "event"], chunk_size=6) as reader:
        chunks = iter(reader)
        first = next(chunks)
        fault(path, other)
        with pytest.raises(DataError) as error:
            list(chunks)
    assert_told(error, path, fault)
    # What was handed out before stays what it was.
    assert first["event"].tolist() == list(range(6))


@pytest.mark.parametrize("fault", FAULTS)
def test_between_two_openings(path: Path, other: Path, fault: Any) -> None:
    reader = EventReader(path, ["npho"])
    assert len(list(reader)) == 1
    fault(path, other)
    with pytest.raises(DataError) as error:
        list(reader)
    assert_told(error, path, fault)


def test_in_another_process(path: Path, other: Path) -> None:
    copy = pickle.loads(pickle.dumps(EventReader(path, ["npho"])))
    replace(path, other)
    with pytest.raises(DataError, match="was changed while it was in use"):
        list(copy)


def test_a_copy_of_the_same_time_is_the_same_file(path: Path) -> None:
    reader = EventReader(path, ["npho"])
    copy, when = path.read_bytes(), path.stat().st_mtime_ns
    path.unlink()
    path.write_bytes(copy)
    os.utime(path, ns=(when, when))
    assert sum(map(len, reader)) == N_EVENTS


def test_a_file_that_is_rewritten(path: Path, other: Path, tmp_path: Path) -> None:
    faults = iter([replace])

    def progress(_done: int, _total: int) -> None:
        for fault in faults:
            fault(path, other)

    with pytest.raises(DataError) as error:
        rewrite_files(path, tmp_path / "new.root", cluster=6, progress=progress)
    assert_told(error, path, replace)
    assert not (tmp_path / "new.root").exists()


def test_what_was_taken_for_damage_is_told_as_the_change_that_it_is(path: Path, other: Path) -> None:
    with pytest.raises(DataError, match="was changed") as error, unchanged(path):
        replace(path, other)
        raise DataError("damaged")
    assert_told(error, path, replace)
    with pytest.raises(DataError, match="damaged"), unchanged(path):
        raise DataError("damaged")


def test_columns(path: Path, other: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(read_columns(path)["event"]) == N_EVENTS
    find = uproot.TTree.keys

    def keys(*arguments: Any, **options: Any) -> Any:
        if other.exists():
            overwrite(path, other)
        return find(*arguments, **options)

    monkeypatch.setattr(uproot.TTree, "keys", keys)
    with pytest.raises(DataError) as error:
        read_columns(path)
    assert_told(error, path, overwrite)
