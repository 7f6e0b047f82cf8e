"""What a disk has changed does not go unnoticed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot

from xec_data import DataError, EventReader, TreeWriter, read_columns
from xec_data.checking.check import check_file
from xec_data.schema.checksums import CHECKSUMS_KEY, TreeChecksums, checksum
from xec_data.writing.rewrite import rewrite_files
from xec_geometry import N_SENSORS

EVENTS = {
    "npho": np.random.default_rng(0).exponential(100, (40, N_SENSORS)).astype(np.float32),
    "relative_time": np.random.default_rng(1).normal(0, 1e-9, (40, N_SENSORS)).astype(np.float32),
    "event": np.arange(40),
}


def written(path: Path, compression: str) -> Path:
    with TreeWriter(path, compression=compression) as writer:
        for start in range(0, 40, 10):
            writer.extend({name: values[start : start + 10] for name, values in EVENTS.items()})
            writer._flush()
    return path


def flipped(path: Path, branch: str, seed: int) -> None:
    """Flip one bit in a basket of a branch."""
    rng = np.random.default_rng(seed)
    with uproot.open({path: "tree"}) as tree:
        basket = int(rng.integers(tree[branch].num_baskets))
        start = int(tree[branch].member("fBasketSeek")[basket])
        size = int(tree[branch].member("fBasketBytes")[basket])
        header = int(tree[branch].basket(basket).member("fKeylen")) if size > 200 else 80
    content = bytearray(path.read_bytes())
    place = start + header + int(rng.integers((size - header) * 8)) // 8
    content[place] ^= 1 << int(rng.integers(8))
    path.write_bytes(content)


def noticed(path: Path) -> bool:
    try:
        list(EventReader(path, ["npho", "time", "event"]))
    except DataError:
        return True
    return False


@pytest.mark.parametrize("compression", ["none", "lz4", "zstd", "zlib"])
def test_one_flipped_bit_is_noticed_with_every_compression(tmp_path: Path, compression: str) -> None:
    for seed in range(6):
        path = written(tmp_path / "a.root", compression)
        assert not noticed(path)
        flipped(path, "npho", seed)
        assert noticed(path)
        report = check_file(path)
        assert report.error is not None
        assert "damaged" in report.error


def test_damage_of_the_checksums_themselves_is_an_error(tmp_path: Path) -> None:
    path = written(tmp_path / "a.root", "zlib")
    with uproot.open(path) as file:
        key = file.key(CHECKSUMS_KEY)
        start, size = key.data_cursor.index, key.data_compressed_bytes
    content = bytearray(path.read_bytes())
    content[start + size // 2 : start + size // 2 + 8] = bytes(8)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.root: the checksums of tree 'tree' cannot be read, .*damaged"):
        EventReader(path, ["npho"])


def test_a_rewritten_file_has_its_own(tmp_path: Path) -> None:
    old = written(tmp_path / "old.root", "lz4")
    new = rewrite_files(old, tmp_path / "new.root", cluster=7, compression="none").path
    with uproot.open(new) as file:
        sums = TreeChecksums.from_text(str(file[CHECKSUMS_KEY]), 40)
    assert sums is not None
    assert sums.ends == [*range(7, 40, 7), 40]
    assert not noticed(new)
    flipped(new, "npho", 1)
    assert noticed(new)


def test_damage_is_not_rewritten(tmp_path: Path) -> None:
    path = written(tmp_path / "a.root", "none")
    flipped(path, "npho", 3)
    with pytest.raises(DataError, match=r"a\.root: tree 'tree', branch 'npho', entries .* are damaged"):
        rewrite_files(path, tmp_path / "new.root")
    assert not (tmp_path / "new.root").exists()


def test_damage_is_noticed_in_columns(tmp_path: Path) -> None:
    path = written(tmp_path / "a.root", "none")
    assert read_columns(path, ["npho"])["npho"].shape == (40, N_SENSORS)
    flipped(path, "npho", 3)
    with pytest.raises(DataError, match=r"a\.root: tree 'tree', branch 'npho', entries .* are damaged"):
        read_columns(path)
    assert read_columns(path, ["event"])["event"].tolist() == list(range(40))


def test_files_without_them_are_read(make_events: Callable[..., Any], write_tree: Any) -> None:
    assert len(list(EventReader(write_tree(make_events(6)), ["npho"]))) == 1


def test_those_of_another_tree_are_not_looked_at() -> None:
    sums = TreeChecksums()
    sums.add({"x": np.arange(3)})
    assert TreeChecksums.from_text(sums.to_text(), 3) == sums
    assert TreeChecksums.from_text(sums.to_text(), 4) is None
    for text in ("", "{}", "[]", '{"ends": [1], "branches": {"x": []}, "algorithm": "xxh3_64"}', "no json"):
        assert TreeChecksums.from_text(text, 1) is None


@pytest.mark.parametrize(
    "ends", ["[Infinity]", "[1.5]", '["1"]', "[[1]]", "1", "null", "[-1, 1]", "[1, 0, 1]"]
)
@pytest.mark.parametrize("branches", ["{}", "[]", '{"x": 1}', '{"x": [[1]]}', '{"x": ["a"]}'])
def test_damaged_ones_are_none(ends: str, branches: str) -> None:
    text = f'{{"algorithm": "xxh3_64", "ends": {ends}, "branches": {branches}}}'
    assert TreeChecksums.from_text(text, 1) is None


def test_ones_without_end_are_none() -> None:
    assert TreeChecksums.from_text('{"ends": ' + "[" * 100_000, 1) is None


def test_the_machine_does_not_matter() -> None:
    values = np.random.default_rng(2).normal(size=(4, 3)).astype(np.float32)
    assert checksum(values) == checksum(values.astype(">f4")) == checksum(np.asfortranarray(values))
    assert checksum(np.array([True, False])) == checksum(np.array([1, 0], np.uint8))


def test_only_whole_clusters_are_checked() -> None:
    sums, values = TreeChecksums(), np.arange(10.0)
    sums.add({"x": values[:6]})
    sums.add({"x": values[6:]})
    wrong = values + 1
    sums.check("x", wrong[:5], 0, 5, "a.root")
    sums.check("other", wrong, 0, 10, "a.root")
    sums.check("x", values, 0, 10, "a.root")
    with pytest.raises(DataError, match=r"a\.root, entries 6 to 9 are damaged"):
        sums.check("x", wrong[5:], 5, 10, "a.root")
