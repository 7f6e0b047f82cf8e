"""The same numbers in another file: every branch to the last bit, clusters as asked for, memory bounded."""

from __future__ import annotations

import shutil
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot

from xec_data import DataError, EventReader, TreeWriter
from xec_data.writing.compression import METHODS, compression_of
from xec_data.writing.rewrite import recut, rewrite_files
from xec_data.writing.tree_writer import read_metadata
from xec_geometry.cli.application import main
from xec_geometry.support.output import OutputError

WriteTree = Callable[..., Path]

NUMBER_TYPES = [
    "bool",
    "int8",
    "uint8",
    "int16",
    "uint16",
    "int32",
    "uint32",
    "int64",
    "uint64",
    "float32",
    "float64",
]


def of_every_type(n: int) -> dict[str, Any]:
    """Random bits in every type of number, alone and as arrays; NaN with any payload among the floats."""
    rng = np.random.default_rng(3)
    arrays = {}
    for name in NUMBER_TYPES:
        for suffix, shape in (("", ()), ("_array", (5,)), ("_matrix", (2, 3))):
            dtype = np.dtype(name)
            bits = rng.integers(0, 256, (n, *shape, dtype.itemsize), dtype=np.uint8)
            if name == "bool":
                bits &= 1
            arrays[name + suffix] = bits.view(dtype)[..., 0]
    return arrays


def bits(array: Any) -> bytes:
    return np.ascontiguousarray(array).tobytes()


@pytest.mark.parametrize("compression", METHODS)
@pytest.mark.parametrize("cluster", [1, 7, 100])
def test_every_branch_to_the_last_bit(
    tmp_path: Path, write_tree: WriteTree, compression: str, cluster: int
) -> None:
    arrays = of_every_type(23)
    old = write_tree(arrays, clusters=4)
    summary = rewrite_files(old, tmp_path / "new.root", compression=compression, cluster=cluster)
    assert (summary.n_events, summary.cluster, summary.notes) == (23, cluster, ())
    with uproot.open(old) as before, uproot.open(summary.path) as after:
        assert after["tree"].typenames() == before["tree"].typenames()
        for name, values in arrays.items():
            assert bits(after["tree"][name].array(library="np")) == bits(values), name


def test_clusters_are_as_asked_for_with_one_basket_a_branch(tmp_path: Path, write_tree: WriteTree) -> None:
    old = write_tree({"x": np.arange(50), "y": np.zeros((50, 4), np.float32)}, clusters=7)
    rewrite_files(old, tmp_path / "new.root", cluster=12)
    with uproot.open(tmp_path / "new.root") as file:
        for branch in file["tree"].branches:
            assert list(branch.entry_offsets) == [0, 12, 24, 36, 48, 50]


@pytest.mark.parametrize(("name", "kind"), [("lz4", "LZ4"), ("zstd", "ZSTD"), ("zlib", "ZLIB")])
def test_compression_is_as_asked_for(tmp_path: Path, write_tree: WriteTree, name: str, kind: str) -> None:
    rewrite_files(
        write_tree({"x": np.zeros(1000)}),
        tmp_path / "new.root",
        compression=name,
        level=METHODS[name].levels[1],
    )
    with uproot.open(tmp_path / "new.root") as file:
        found = file.file.compression
    assert (type(found).__name__, found.level) == (kind, METHODS[name].levels[1])


def test_arrays_of_varying_length_keep_their_counters(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    lengths = rng.integers(0, 6, 40)
    energy = ak.unflatten(rng.normal(size=lengths.sum()).astype(np.float32), lengths)
    number = ak.unflatten(rng.integers(0, 99, lengths.sum()), lengths)
    with uproot.recreate(tmp_path / "old.root") as file:
        types = {"hit_e": "var * float32", "hit_n": "var * int64", "x": "float64"}
        file.mktree("tree", types, counter_name=lambda _: "hits")
        for part in (slice(0, 25), slice(25, 40)):
            file["tree"].extend(
                {
                    "hit_e": energy[part],
                    "hit_n": number[part],
                    "hits": lengths[part],
                    "x": np.arange(40.0)[part],
                }
            )
    rewrite_files(tmp_path / "old.root", tmp_path / "new.root", cluster=9)
    with uproot.open(tmp_path / "old.root") as before, uproot.open(tmp_path / "new.root") as after:
        assert after["tree"].typenames() == before["tree"].typenames()
        new = after["tree"].arrays()
        assert new["hit_e"].to_list() == energy.to_list()
        assert new["hit_n"].to_list() == number.to_list()
        np.testing.assert_array_equal(ak.to_numpy(new["hits"]), lengths)
        assert after["tree"]["hit_e"].count_branch.name == "hits"


def test_events_are_read_as_before(
    tmp_path: Path, write_tree: WriteTree, make_events: Callable[..., dict[str, Any]]
) -> None:
    first, second = make_events(12, 0), make_events(9, 1)
    paths = [write_tree(first, "a.root", clusters=3), write_tree(second, "b.root")]
    summary = rewrite_files(paths, tmp_path / "new.root", cluster=8)
    assert summary.n_events == 21
    assert summary.bytes_before == sum(path.stat().st_size for path in paths)
    chunk = next(iter(EventReader(summary.path, ["npho", "time", "event"])))
    assert bits(chunk["npho"]) == bits(np.concatenate([first["npho"], second["npho"]]))
    assert list(chunk["event"]) == [*range(12), *range(9)]


def test_texts_are_copied_and_other_keys_named(tmp_path: Path) -> None:
    with TreeWriter(tmp_path / "old.root", title="events", metadata={"a": 1}) as writer:
        writer.extend({"x": np.arange(4)})
    with uproot.update(tmp_path / "old.root") as file:
        file["spectrum"] = np.histogram(np.arange(4), bins=2)
    summary = rewrite_files(tmp_path / "old.root", tmp_path / "new.root")
    assert summary.notes == ("not copied: spectrum (TH1D)",)
    assert read_metadata(tmp_path / "new.root") == {"a": 1}
    with uproot.open(tmp_path / "new.root") as file:
        assert file["tree"].title == "events"


def test_tree_in_a_folder(tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "old.root") as file:
        file.mktree("run1/events", {"x": "float32"})
        file["run1/events"].extend({"x": np.arange(5, dtype=np.float32)})
    rewrite_files(tmp_path / "old.root", tmp_path / "new.root", tree_name="run1/events")
    with uproot.open(tmp_path / "new.root") as file:
        assert list(file["run1/events"]["x"].array()) == [0, 1, 2, 3, 4]


def test_what_cannot_be_written_is_named_and_can_be_dropped(tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "old.root") as file:
        file.mktree("tree", {"label": "string", "x": "float32"})
        file["tree"].extend({"label": ak.Array(["a", "b"]), "x": np.ones(2, np.float32)})
    with pytest.raises(DataError, match=r"old\.root.*'label' is of type char\*.*--drop label"):
        rewrite_files(tmp_path / "old.root", tmp_path / "new.root")
    rewrite_files(tmp_path / "old.root", tmp_path / "new.root", drop=["label"])
    with uproot.open(tmp_path / "new.root") as file:
        assert file["tree"].keys() == ["x"]
    with pytest.raises(DataError, match=r"no branch 'labl'.*label"):
        rewrite_files(tmp_path / "old.root", tmp_path / "other.root", drop=["labl"])


def test_files_of_different_branches_are_refused(tmp_path: Path, write_tree: WriteTree) -> None:
    one = write_tree({"x": np.zeros(3), "y": np.zeros(3)}, "one.root")
    for other in ({"x": np.zeros(3)}, {"x": np.zeros(3), "y": np.zeros((3, 2))}):
        two = write_tree(other, "two.root")
        with pytest.raises(DataError, match=r"two\.root: branch 'y'.*as in .*one\.root"):
            rewrite_files([one, two], tmp_path / "new.root")
    assert not (tmp_path / "new.root").exists()


def test_a_damaged_file_leaves_nothing(tmp_path: Path, write_tree: WriteTree) -> None:
    old = write_tree({"x": np.random.default_rng(0).normal(size=(200, 500))}, clusters=4)
    raw = bytearray(old.read_bytes())
    middle = len(raw) // 2
    raw[middle : middle + 4000] = bytes(4000)
    old.write_bytes(raw)
    with pytest.raises(DataError, match=r"'x', entries .*damaged"):
        rewrite_files(old, tmp_path / "new.root", cluster=20)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["events.root"]


def test_errors_of_the_command(
    tmp_path: Path, write_tree: WriteTree, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = str(write_tree({"x": np.zeros(10)})), str(tmp_path / "new.root")
    for arguments, expected in (
        ([old, "-o", new, "--compression", "lz5"], "did you mean 'lz4'"),
        ([old, "-o", new, "--level", "30"], "level 30 for lz4; expected 1 to 12"),
        ([old, "-o", new, "--cluster", "0"], "clusters of 0 events"),
        ([old, "-o", old, "--force"], f"cannot write {old}: it is the input {old}"),
        ([old, "-o", str(tmp_path / "none" / "new.root")], "does not exist"),
        ([old, old], "missing option '--output'"),
    ):
        with pytest.raises(SystemExit) as end:
            main(["data", "rewrite", *arguments])
        assert end.value.code == 2
        assert expected in capsys.readouterr().err
    with pytest.raises(SystemExit) as end:
        main(["data", "rewrite", old, "-o", new, "--cluster", "4", "-c", "zstd"])
    assert end.value.code == 0
    assert "10 events in clusters of 4" in capsys.readouterr().out
    for more, code in (([], 2), (["--force"], 0)):
        with pytest.raises(SystemExit) as end:
            main(["data", "rewrite", old, "-o", new, *more])
        assert end.value.code == code
    assert f"{new} exists; another name for the output, or --force to replace it" in capsys.readouterr().err


def test_a_name_that_other_programs_misread_is_refused(tmp_path: Path, write_tree: WriteTree) -> None:
    old = write_tree({"x": np.arange(10)})
    (tmp_path / "run").write_text("notes")
    (tmp_path / "run::3").mkdir()
    with pytest.raises(OutputError, match="'::' stands between a file and a protocol"):
        rewrite_files(old, tmp_path / "run::3" / "new.root")
    assert (tmp_path / "run").read_text() == "notes"
    shutil.copy(old, tmp_path / "run::3" / "old.root")
    with pytest.raises(DataError, match="'::' stands between"):
        rewrite_files(tmp_path / "run::3" / "old.root", tmp_path / "new.root")


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).normal(size=(100, 2500))
    peaks = []
    for repeats in (4, 16):
        with uproot.recreate(tmp_path / "old.root", compression=None) as file:
            file.mktree("tree", {"x": np.dtype(("f8", (2500,)))})
            for _ in range(repeats):
                file["tree"].extend({"x": numbers})
        tracemalloc.start()
        rewrite_files(tmp_path / "old.root", tmp_path / "new.root", cluster=70)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # 12 clusters more of 2 MB each would be 24 MB.
    assert peaks[1] < peaks[0] + numbers.nbytes


def test_recut_gives_blocks_of_the_size_asked_for() -> None:
    blocks = [{"x": np.arange(start, stop)} for start, stop in ((0, 5), (5, 6), (6, 30), (30, 31))]
    parts = [block["x"] for block in recut(iter(blocks), 7)]
    assert [len(part) for part in parts] == [7, 7, 7, 7, 3]
    np.testing.assert_array_equal(np.concatenate(parts), np.arange(31))


def test_no_compression_has_no_levels() -> None:
    assert compression_of("none") is None
    with pytest.raises(DataError, match="level 3 for none"):
        compression_of("none", 3)
