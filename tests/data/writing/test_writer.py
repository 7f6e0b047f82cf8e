"""Trees and tables that appear when they are complete."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot

from xec_data import CsvWriter, DataError, TreeWriter, read_columns
from xec_data.writing.tree_writer import CLUSTER_BYTES, read_metadata
from xec_geometry.support.output import OutputError

COLUMNS = {
    "run": np.arange(7, dtype=np.int32),
    "pred_energy": np.linspace(0, 1, 7, dtype=np.float32),
    "emiAng": np.arange(14, dtype=np.float64).reshape(7, 2),
    "number": np.arange(7, dtype=np.int64) * 2**40,
    "good": np.arange(7) % 2 == 0,
}


@pytest.mark.parametrize("batch", [1, 3, 7])
@pytest.mark.parametrize("compression", ["zstd", "lz4", "zlib", "none"])
def test_round_trip(tmp_path: Path, batch: int, compression: str) -> None:
    path = tmp_path / "out.root"
    with TreeWriter(path, title="predictions", compression=compression) as writer:
        for start in range(0, 7, batch):
            writer.extend({name: values[start : start + batch] for name, values in COLUMNS.items()})
        assert writer.n_entries == 7
    found = read_columns(path)
    assert list(found) == list(COLUMNS)
    for name, values in COLUMNS.items():
        assert found[name].dtype == values.dtype
        np.testing.assert_array_equal(found[name], values)
    with uproot.open(path) as file:
        assert file["tree"].title == "predictions"


def test_small_batches_become_one_cluster_and_large_ones_several(tmp_path: Path) -> None:
    wide = np.zeros((300, CLUSTER_BYTES // 400), dtype=np.float32)
    with TreeWriter(tmp_path / "out.root", compression="none") as writer:
        for start in range(0, 300, 10):
            writer.extend({"x": wide[start : start + 10]})
        writer.extend({"x": wide})
    with uproot.open(tmp_path / "out.root") as file:
        sizes = np.diff(file["tree"]["x"].entry_offsets)
    assert sizes.sum() == 600
    assert sizes[:-1].min() >= 100
    assert sizes.max() * wide[0].nbytes < 2 * CLUSTER_BYTES


def test_arrays_may_be_filled_anew_after_extending(tmp_path: Path) -> None:
    buffer = np.zeros(2)
    with TreeWriter(tmp_path / "out.root") as writer:
        for i in range(3):
            buffer[:] = i
            writer.extend({"x": buffer})
    np.testing.assert_array_equal(read_columns(tmp_path / "out.root")["x"], [0, 0, 1, 1, 2, 2])


def test_metadata(tmp_path: Path) -> None:
    metadata = {"tasks": ["angle"], "unit": "θ in deg", "scale": 1.5e-7}
    for name, content in (("with.root", metadata), ("without.root", None)):
        with TreeWriter(tmp_path / name, metadata=content) as writer:
            writer.extend({"x": [1.0]})
    assert read_metadata(tmp_path / "with.root") == metadata
    assert read_metadata(tmp_path / "without.root") == {}


def test_a_tree_without_events_still_has_its_branches(tmp_path: Path) -> None:
    with TreeWriter(tmp_path / "out.root") as writer:
        writer.extend({"x": np.empty((0, 3), dtype=np.float32)})
    assert read_columns(tmp_path / "out.root")["x"].shape == (0, 3)


@pytest.mark.parametrize("existing", [True, False])
def test_a_failure_leaves_nothing_behind(tmp_path: Path, existing: bool) -> None:
    paths = [tmp_path / "out.root", tmp_path / "out.csv"]
    if existing:
        for path in paths:
            path.write_text("precious")
    with pytest.raises(RuntimeError), TreeWriter(paths[0]) as writer:
        writer.extend({"x": np.zeros((5000, 100))})
        raise RuntimeError
    with pytest.raises(RuntimeError), CsvWriter(paths[1], ["x"]) as table:
        table.extend({"x": np.zeros(10)})
        raise RuntimeError
    assert sorted(tmp_path.iterdir()) == (sorted(paths) if existing else [])
    assert all(path.read_text() == "precious" for path in paths if existing)


def test_nothing_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"out\.root: nothing was written"), TreeWriter(tmp_path / "out.root"):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ({"x": [1.0], "z": [1.0]}, "has the branches x float64, y float64; found x float64, z float64"),
        ({"x": [1.0], "y": [1]}, "found x float64, y int64"),
        ({"x": [1.0], "y": [[1.0, 2.0]]}, r"y float64\[2\]"),
        ({"x": [1.0], "y": [1.0, 2.0]}, "columns of different length"),
    ],
)
def test_other_columns_than_at_first(tmp_path: Path, second: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message), TreeWriter(tmp_path / "out.root") as writer:
        writer.extend({"x": [1.0], "y": [2.0]})
        writer.extend(second)
    assert list(tmp_path.iterdir()) == []


def test_folders_that_do_not_exist(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="does not exist"), TreeWriter(tmp_path / "no" / "out.root"):
        pass
    with pytest.raises(OutputError, match="does not exist"), CsvWriter(tmp_path / "no" / "out.csv", ["x"]):
        pass


def test_an_unknown_compression(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="compression 'brotli'; expected zstd"):
        TreeWriter(tmp_path / "out.root", compression="brotli")


def test_a_table_is_read_back_exactly(tmp_path: Path) -> None:
    single = np.array([0.1, 1e-9, -3.25e10, np.nan], dtype=np.float32)
    double = np.array([0.1, 1 / 3, 1e-300, -np.inf])
    names = np.array(["a", "b,c", 'd"e', ""])
    with CsvWriter(tmp_path / "out.csv", ["event", "single", "double", "name"]) as writer:
        for part in (slice(0, 1), slice(1, 4)):
            writer.extend(
                {
                    "single": single[part],
                    "double": double[part],
                    "event": np.arange(4)[part],
                    "name": names[part],
                }
            )
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["event", "single", "double", "name"]
    np.testing.assert_array_equal([np.float32(row["single"]) for row in rows], single)
    np.testing.assert_array_equal([float(row["double"]) for row in rows], double)
    assert [row["name"] for row in rows] == names.tolist()
    assert rows[0]["single"] == "0.1"


@pytest.mark.parametrize(
    "table", [{"x": [1.0]}, {"x": [1.0], "y": [1.0, 2.0]}, {"x": [[1.0]], "y": [[1.0]]}, {"x": [1], "z": [2]}]
)
def test_a_table_of_other_columns(tmp_path: Path, table: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"out\.csv"), CsvWriter(tmp_path / "out.csv", ["x", "y"]) as writer:
        writer.extend(table)
    assert list(tmp_path.iterdir()) == []
