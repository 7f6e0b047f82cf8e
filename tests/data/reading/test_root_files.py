"""Files that are no ROOT files, or no whole ones."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xec_data import DataError, EventReader
from xec_data.reading.root_files import open_file


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        open_file(tmp_path / "run.root")


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a folder"):
        open_file(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "is empty"), (b"PK\x03\x04 a zip", "is not a ROOT file"), (b"root\0\0", "is truncated")],
)
def test_no_root_file(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "run.root"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        open_file(path)


@pytest.mark.parametrize("part", [0.02, 0.5, 0.99])
def test_truncated(make_events: Callable[..., Any], write_tree: Any, part: float) -> None:
    path = write_tree(make_events(8), clusters=4)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(DataError, match=rf"is truncated: .*expected {len(whole)}"):
        EventReader(path, ["npho"])


def test_truncated_although_the_header_says_otherwise(
    make_events: Callable[..., Any], write_tree: Any
) -> None:
    path = write_tree(make_events(8), clusters=4)
    content = path.read_bytes()
    content = content[: len(content) // 2]
    path.write_bytes(content[:12] + struct.pack(">i", len(content)) + content[16:])
    with pytest.raises(DataError, match=r"events\.root.* damaged"):
        list(EventReader(path, ["npho"]))


@pytest.mark.parametrize("threads", [1, 2])
def test_damaged_in_the_middle_of_a_basket(
    make_events: Callable[..., Any], write_tree: Any, threads: int
) -> None:
    path = write_tree(make_events(8), clusters=4)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 5000] = bytes(5000)
    path.write_bytes(content)
    reader = EventReader(path, ["npho", "time"], num_threads=threads)
    with pytest.raises(DataError, match=r"events\.root: tree 'tree', branch '\w+', entries .* damaged"):
        list(reader)


def test_a_basket_beyond_the_end_of_the_file(make_events: Callable[..., Any], tmp_path: Path) -> None:
    """The metadata stand before the baskets and are whole; the header claims the shorter size."""
    import uproot

    path = tmp_path / "late.root"
    events = make_events(8)
    with uproot.recreate(path, compression=None) as file:
        file.mktree("tree", {"npho": np.dtype(("f4", events["npho"].shape[1:]))})
        file["tree"].extend({"npho": events["npho"]})
    with uproot.open(path) as file:
        basket = file["tree"]["npho"].basket_chunk_cursor(0)[1].index
    content = bytearray(path.read_bytes())
    # The place of the key list and of the tree stay; the basket's key points behind the end.
    where = content.find(struct.pack(">q", basket), 100)
    if where < 0:
        where = content.find(struct.pack(">i", basket), 100)
    assert where > 0
    content[where : where + 8] = struct.pack(">q", len(content) + 10**6)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"late\.root"):
        list(EventReader(path, ["npho"]))
