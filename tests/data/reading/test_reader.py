"""Streaming events, whatever the layout of the file."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

from xec_data import DataError, EventReader, Shard, read_truth
from xec_data.reading.root_files import open_file
from xec_geometry import N_SENSORS

EVERYTHING = ["npho", "time", "emiAng", "energyTruth", "timeTruth", "uvwTruth", "xyzTruth", "run", "event"]


def read_all(reader: EventReader) -> dict[str, Any]:
    chunks = list(reader)
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in reader.branches}


def assert_same(found: dict[str, Any], events: dict[str, Any]) -> None:
    """Compare with what was written, the readings bit by bit, in the types of the schema."""
    for name in ("npho", "time"):
        stored = events["relative_time" if name == "time" else name]
        assert found[name].dtype == np.float32
        np.testing.assert_array_equal(found[name], np.asarray(stored, dtype=np.float32))
    for name in ("energyTruth", "timeTruth", "uvwTruth", "xyzTruth"):
        assert found[name].dtype == np.float32
        np.testing.assert_allclose(found[name], events[name], rtol=1e-7)
    np.testing.assert_allclose(found["emiAng"], np.rad2deg(events["emiAng"]), rtol=1e-6)
    for name in ("run", "event"):
        assert found[name].dtype == np.int64
        np.testing.assert_array_equal(found[name], events[name])


@pytest.mark.parametrize("chunk_size", [1, 3, 4, 5, 100, None])
@pytest.mark.parametrize("clusters", [1, 4])
def test_every_event_once_whatever_the_chunks(
    make_events: Callable[..., Any], write_tree: Any, chunk_size: int | None, clusters: int
) -> None:
    events = make_events(13)
    reader = EventReader(write_tree(events, clusters=clusters), EVERYTHING, chunk_size=chunk_size)
    assert_same(read_all(reader), events)
    sizes = [len(chunk) for chunk in reader]
    assert sum(sizes) == reader.n_events == 13
    assert max(sizes) <= (chunk_size or 13)


def test_chunks_end_where_clusters_end(make_events: Callable[..., Any], write_tree: Any) -> None:
    reader = EventReader(write_tree(make_events(12), clusters=4), ["npho"], chunk_size=7)
    assert [(chunk.shard.start, chunk.shard.stop) for chunk in reader] == [(0, 6), (6, 12)]


def test_a_long_cluster_is_decompressed_once(
    make_events: Callable[..., Any], write_tree: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import xec_data.reading.reader

    reads = []
    original = xec_data.reading.reader.read_into

    def counted(*arguments: Any) -> None:
        reads.append(arguments)
        original(*arguments)

    monkeypatch.setattr(xec_data.reading.reader, "read_into", counted)
    chunks = list(EventReader(write_tree(make_events(12)), ["npho"], chunk_size=5))
    assert [len(chunk) for chunk in chunks] == [4, 4, 4]
    assert len(reads) == 1


def test_the_arrays_are_contiguous_and_their_own(make_events: Callable[..., Any], write_tree: Any) -> None:
    for chunk in EventReader(write_tree(make_events(6)), EVERYTHING, chunk_size=4):
        for array in chunk.values():
            assert array.flags.c_contiguous
            assert array.flags.writeable
            assert array.base is None


def test_a_chunk_reads_like_a_dictionary(make_events: Callable[..., Any], write_tree: Any) -> None:
    (chunk,) = EventReader(write_tree(make_events(6)), ["npho", "event"])
    assert len(chunk) == 6
    assert list(chunk) == list(chunk.keys()) == ["npho", "event"]
    assert "npho" in chunk
    assert "time" not in chunk
    assert chunk.get("time") is None
    assert dict(chunk)["event"] is chunk["event"]


class TestLayouts:
    """The same numbers, stored in other ways."""

    def test_variable_length(self, make_events: Callable[..., Any], write_tree: Any) -> None:
        events = make_events(7)
        stored = dict(events)
        for name in ("npho", "relative_time", "xyzTruth"):
            lists = ak.from_regular(ak.Array(events[name].astype("f8" if name == "npho" else "f4")))
            stored[name] = lists
        assert_same(read_all(EventReader(write_tree(stored, clusters=3), EVERYTHING)), events)

    def test_doubles_and_arrays_of_one(self, make_events: Callable[..., Any], write_tree: Any) -> None:
        events = make_events(5)
        stored = {
            name: values.astype("f8") if values.dtype.kind == "f" else values.astype("i8")
            for name, values in events.items()
        }
        for name in ("energyTruth", "timeTruth", "run", "event"):
            stored[name] = stored[name].reshape(-1, 1)
        assert_same(read_all(EventReader(write_tree(stored), EVERYTHING)), events)

    def test_integers_for_numbers_and_numbers_for_integers(
        self, make_events: Callable[..., Any], write_tree: Any
    ) -> None:
        events = make_events(5)
        counts = np.arange(5 * N_SENSORS, dtype=np.int32).reshape(5, -1)
        stored = {**events, "npho": counts, "run": events["run"].astype("f8")}
        found = read_all(EventReader(write_tree(stored), ["npho", "run"]))
        assert found["npho"].dtype == np.float32
        np.testing.assert_array_equal(found["npho"], counts)
        np.testing.assert_array_equal(found["run"], events["run"])

    @pytest.mark.parametrize("value", [2.0**63, 0.5, np.nan])
    def test_what_is_no_64_bit_integer(self, write_tree: Any, value: float) -> None:
        stored = {"event": np.array([0, 1, value], dtype="f8")}
        with pytest.raises(DataError, match=r"branch 'event', entry 2: .*; expected an integer of 64 bits"):
            list(EventReader(write_tree(stored), ["event"]))

    def test_a_double_beyond_the_floats_is_an_invalid_reading(
        self, make_events: Callable[..., Any], write_tree: Any
    ) -> None:
        npho = make_events(2)["npho"].astype("f8")
        npho[0, 0] = 1e300
        assert np.isinf(read_all(EventReader(write_tree({"npho": npho}), ["npho"]))["npho"][0, 0])

    def test_flags(self, write_tree: Any) -> None:
        dead = np.zeros((4, N_SENSORS), dtype=bool)
        dead[:, 3] = True
        found = read_all(EventReader(write_tree({"dead": dead}), ["dead"]))["dead"]
        assert found.dtype == bool
        np.testing.assert_array_equal(found, dead)

    @pytest.mark.parametrize("wrong", [N_SENSORS - 1, N_SENSORS + 1, 0])
    def test_one_entry_of_another_length(
        self, make_events: Callable[..., Any], write_tree: Any, wrong: int
    ) -> None:
        lists = [row.tolist() for row in make_events(6)["npho"]]
        lists[4] = [1.0] * wrong
        path = write_tree({"npho": ak.Array(lists)}, clusters=2)
        with pytest.raises(
            DataError,
            match=rf"tree 'tree', branch 'npho', entry 4 has {wrong} numbers; expected {N_SENSORS} numbers",
        ):
            list(EventReader(path, ["npho"]))

    def test_lengths_that_only_add_up(self, write_tree: Any) -> None:
        lists = [[0.0] * (N_SENSORS - 1), [0.0] * (N_SENSORS + 1)]
        with pytest.raises(DataError, match="entry 0 has"):
            list(EventReader(write_tree({"npho": ak.Array(lists)}), ["npho"]))


def test_several_files(make_events: Callable[..., Any], write_tree: Any, tmp_path: Path) -> None:
    for i in range(3):
        write_tree(make_events(4 + i, seed=i), name=f"run{i}.root")
    found = read_all(EventReader(tmp_path, ["npho", "time", "event"]))
    expected = np.concatenate([make_events(4 + i, seed=i)["npho"] for i in range(3)])
    np.testing.assert_array_equal(found["npho"], expected)


def test_an_optional_branch_that_some_files_lack_is_nan_there(
    make_events: Callable[..., Any], write_tree: Any, tmp_path: Path
) -> None:
    events = make_events(3)
    write_tree(events, name="a.root")
    lacking = {name: values for name, values in events.items() if name not in ("uvwTruth", "run")}
    write_tree(lacking, name="b.root")
    reader = EventReader(tmp_path, ["npho"], optional=["uvwTruth", "energyTruth", "run", "dead"])
    # There is no number of a run that means none.
    assert reader.branches == ("npho", "uvwTruth", "energyTruth")
    assert reader.notes == [f"{tmp_path / 'b.root'}: no branch 'uvwTruth'; its values are NaN there"]
    found = read_all(reader)["uvwTruth"]
    np.testing.assert_allclose(found[:3], events["uvwTruth"], rtol=1e-7)
    assert np.isnan(found[3:]).all()


def test_an_optional_branch_of_another_shape_is_left_out(
    make_events: Callable[..., Any], write_tree: Any
) -> None:
    events = make_events(3)
    path = write_tree({**events, "uvwRecoFI": np.zeros((3, 4), np.float32)})
    reader = EventReader(path, ["npho"], optional=["uvwRecoFI"])
    assert reader.branches == ("npho",)
    assert "branch 'uvwRecoFI' has 4 numbers per entry; expected 3 numbers; it is left out" in reader.notes[0]
    with pytest.raises(DataError, match="has 4 numbers per entry"):
        EventReader(path, ["npho", "uvwRecoFI"])


def test_an_optional_branch_of_varying_length_is_nan_but_damage_is_an_error(
    make_events: Callable[..., Any], write_tree: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import awkward as ak

    events = make_events(3)
    varying = ak.Array([[0.05], [0.05, 0.06], [0.05]])
    reader = EventReader(write_tree({**events, "energyReco": varying}), ["npho"], optional=["energyReco"])
    assert np.isnan(read_all(reader)["energyReco"]).all()
    assert "entry 1 has 2 numbers; expected 1 number; NaN in entries 0 to 2" in reader.notes[-1]

    def damaged(*_: Any, **__: Any) -> None:
        raise DataError("damaged")

    whole = EventReader(write_tree(events, "b.root"), ["npho"], optional=["energyTruth"])
    monkeypatch.setattr("xec_data.reading.optional_branches.read_into", damaged)
    with pytest.raises(DataError, match="damaged"):
        read_all(whole)


def test_optional_angles_of_no_unit_are_left_out(make_events: Callable[..., Any], write_tree: Any) -> None:
    events = make_events(3)
    path = write_tree({**events, "emiAng": np.full((3, 2), 1e10, np.float32)})
    reader = EventReader(path, ["npho"], optional=["emiAng", "energyTruth"])
    assert set(reader.branches) >= {"npho", "energyTruth"}
    assert len(read_all(reader)["npho"]) == 3


def test_numbers_of_events_have_64_bits(write_tree: Any) -> None:
    numbers = np.array([0, 2**40, 2**62])
    np.testing.assert_array_equal(
        read_all(EventReader(write_tree({"event": numbers}), ["event"]))["event"], numbers
    )


def test_files_without_events_are_left_out(
    make_events: Callable[..., Any], write_tree: Any, tmp_path: Path
) -> None:
    events = make_events(3)
    write_tree(events, name="a.root")
    write_tree({name: values[:0] for name, values in events.items()}, name="b.root")
    reader = EventReader(tmp_path, ["npho"])
    assert reader.n_events == 3
    assert reader.notes == [f"{tmp_path / 'b.root'} has no events; it is left out"]
    with pytest.raises(DataError, match="has 0 events"):
        EventReader(tmp_path / "b.root", ["npho"])


def test_no_branch_at_all(make_events: Callable[..., Any], write_tree: Any) -> None:
    with pytest.raises(DataError, match="no branches to read"):
        EventReader(write_tree(make_events(3)), [], optional=["dead"])


class TestShards:
    """Any stretch of any file."""

    def test_every_stretch(self, make_events: Callable[..., Any], write_tree: Any) -> None:
        events = make_events(9)
        path = write_tree(events, clusters=3)
        reader = EventReader(path, ["npho", "event"])
        for start in range(9):
            for stop in range(start, 10):
                chunk = reader.read(Shard(path, start, stop))
                np.testing.assert_array_equal(chunk["npho"], events["npho"][start:stop])
                np.testing.assert_array_equal(chunk["event"], np.arange(start, stop))
        reader.close()

    def test_iterating_over_shards(self, make_events: Callable[..., Any], write_tree: Any) -> None:
        path = write_tree(make_events(9), clusters=2)
        reader = EventReader(path, ["event"], shards=[Shard(path, 7, 9), Shard(path, 1, 6)], chunk_size=2)
        assert reader.n_events == 7
        assert [int(event) for chunk in reader for event in chunk["event"]] == [7, 8, 1, 2, 3, 4, 5]

    def test_stretches_that_do_not_exist(self, make_events: Callable[..., Any], write_tree: Any) -> None:
        path = write_tree(make_events(9))
        reader = EventReader(path, ["event"])
        with pytest.raises(DataError, match=r"entries 5 to 10 \(exclusive\) were requested; it has 9"):
            reader.read(Shard(path, 5, 10))
        with pytest.raises(DataError, match="not one of this reader's 1 files"):
            reader.read(Shard(path.with_name("other.root"), 0, 1))


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_the_number_of_threads_changes_nothing(
    make_events: Callable[..., Any], write_tree: Any, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    monkeypatch.setattr("xec_data.reading.reader._PIECE_BYTES", 40_000)
    events = make_events(12)
    reader = EventReader(write_tree(events, clusters=6), EVERYTHING, num_threads=threads)
    assert_same(read_all(reader), events)


def test_angles_in_degrees_stay_degrees(make_events: Callable[..., Any], write_tree: Any) -> None:
    events = make_events(5)
    degrees = np.rad2deg(events["emiAng"])
    reader = EventReader(write_tree({**events, "emiAng": degrees}), ["emiAng"])
    assert list(reader.angle_units.values()) == ["deg"]
    np.testing.assert_array_equal(read_all(reader)["emiAng"], degrees)


def test_files_of_both_units(make_events: Callable[..., Any], write_tree: Any, tmp_path: Path) -> None:
    events = make_events(5)
    degrees = np.rad2deg(events["emiAng"])
    write_tree(events, name="a.root")
    write_tree({**events, "emiAng": degrees}, name="b.root")
    reader = EventReader(tmp_path, ["emiAng"])
    assert list(reader.angle_units.values()) == ["rad", "deg"]
    np.testing.assert_allclose(read_all(reader)["emiAng"], np.concatenate([degrees, degrees]), rtol=1e-6)


def test_a_stated_unit_that_is_wrong(make_events: Callable[..., Any], write_tree: Any) -> None:
    path = write_tree(make_events(5))
    with pytest.raises(DataError, match=r"events\.root.* said to be in deg, but emiVec says rad"):
        EventReader(path, ["emiAng"], angle_unit="deg")


def test_a_vector_that_is_none_does_not_decide(make_events: Callable[..., Any], write_tree: Any) -> None:
    events = make_events(5)
    reader = EventReader(write_tree({**events, "emiVec": events["emiVec"][:, :2]}), ["emiAng"])
    assert list(reader.angle_units.values()) == ["rad"]
    assert "branch 'emiVec' has 2 numbers per entry" in reader.notes[0]


def test_the_deprecated_branch_warns_once(make_events: Callable[..., Any], write_tree: Any) -> None:
    events = make_events(3)
    events["relative_npho"] = events.pop("npho")
    path = write_tree(events)
    with pytest.warns(FutureWarning, match="'relative_npho' is deprecated") as warned:
        reader = EventReader([path], ["npho"])
    assert len(warned) == 1
    assert len(reader.notes) == 1
    np.testing.assert_array_equal(read_all(reader)["npho"], events["relative_npho"])


def test_a_note_about_many_files_is_one_line(
    make_events: Callable[..., Any], write_tree: Any, tmp_path: Path
) -> None:
    events = make_events(3)
    events["time"] = events.pop("relative_time")
    for i in range(3):
        write_tree(events, name=f"run{i}.root")
    (note,) = EventReader(tmp_path, ["time"]).notes
    assert note.startswith(f"3 files ({tmp_path / 'run0.root'}, …): no branch 'relative_time'")


def test_pickling_an_open_reader(make_events: Callable[..., Any], write_tree: Any) -> None:
    events = make_events(6)
    reader = EventReader(write_tree(events, clusters=2), EVERYTHING, chunk_size=3)
    iterator = iter(reader)
    next(iterator)
    assert_same(read_all(pickle.loads(pickle.dumps(reader))), events)
    assert len(next(iterator)) == 3
    iterator.close()


def _events_in_child(reader: EventReader, results: Any) -> None:
    results.put([int(event) for chunk in reader for event in chunk["event"]])


def test_a_reader_with_an_open_file_crosses_a_fork(make_events: Callable[..., Any], write_tree: Any) -> None:
    reader = EventReader(write_tree(make_events(6), clusters=3), ["npho", "event"], chunk_size=2)
    iterator = iter(reader)
    next(iterator)
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    child = context.Process(target=_events_in_child, args=(reader, results))
    child.start()
    try:
        assert results.get(timeout=30) == list(range(6))
    finally:
        child.join(timeout=30)
        iterator.close()


def test_all_readings_invalid(make_events: Callable[..., Any], write_tree: Any) -> None:
    events = make_events(20)
    EventReader(write_tree(events), ["npho"]).check_readings()
    events["npho"][:, ::2] = 1e10
    events["npho"][:, 1::2] = np.nan
    reader = EventReader(write_tree(events), ["npho"])
    with pytest.raises(DataError, match=r"events\.root, branch 'npho': all readings .* are invalid"):
        reader.check_readings()


def test_the_truth_of_all_files(make_events: Callable[..., Any], write_tree: Any, tmp_path: Path) -> None:
    for i in range(2):
        write_tree(make_events(4, seed=i), name=f"run{i}.root")
    truth = read_truth(tmp_path, ["energyTruth"], optional=["emiAng", "energyReco"])
    assert list(truth) == ["energyTruth", "emiAng"]
    expected = np.concatenate([make_events(4, seed=i)["energyTruth"] for i in range(2)])
    np.testing.assert_array_equal(truth["energyTruth"], expected)
    assert truth["emiAng"].max() > 90


def test_the_truth_of_no_events_keeps_its_shape(make_events: Callable[..., Any], write_tree: Any) -> None:
    assert read_truth(write_tree(make_events(4)), ["uvwTruth"], shards=[])["uvwTruth"].shape == (0, 3)


def test_readings_are_no_truth(make_events: Callable[..., Any], write_tree: Any) -> None:
    with pytest.raises(DataError, match="branch 'npho' has one number per sensor"):
        read_truth(write_tree(make_events(4)), ["npho"])


def test_a_reader_of_some_of_the_branches(write_tree, make_events, monkeypatch):
    """Of the same files, which are not inspected again; each reader has an open file of its own."""
    events = make_events(20)
    path = write_tree(events, clusters=2)
    every = EventReader(path, ["npho", "time", "emiAng"])
    with monkeypatch.context() as patch:
        patch.setattr("xec_data.reading.reader.inspect_open_tree", None)
        some = every.only(["emiAng"], chunk_size=7)
    assert (some.branches, some.chunk_size) == (("emiAng",), 7)
    assert some.trees == every.trees
    whole = np.concatenate([chunk["emiAng"] for chunk in every])
    parts = [chunk["emiAng"] for chunk in some]
    assert max(map(len, parts)) <= 7
    assert np.array_equal(np.concatenate(parts), whole)
    assert every.branches == ("npho", "time", "emiAng")
    assert list(every.angle_units.values()) == ["rad"]
    np.testing.assert_array_equal(read_all(every.only(["npho"]))["npho"], np.float32(events["npho"]))


def test_a_file_is_opened_once_to_be_inspected(write_tree, make_events, monkeypatch):
    paths = [write_tree(make_events(5), name=f"{i}.root") for i in range(3)]
    opened = []

    def open_and_count(path):
        opened.append(path)
        return open_file(path)

    monkeypatch.setattr("xec_data.reading.open_trees.open_file", open_and_count)
    EventReader(paths, ["npho", "emiAng"])
    assert sorted(opened) == sorted(paths)
