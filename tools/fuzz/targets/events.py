"""Files of events: damaged ones are refused, or read as if they were not; with checksums always."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import uproot
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from tools.fuzz.example import Example, require
from tools.fuzz.mutations import mutated_bytes

from xec_data.reading.reader import EventReader
from xec_data.schema.branches import SCHEMA
from xec_data.writing.tree_writer import TreeWriter
from xec_geometry import N_SENSORS, angles_to_direction

_BY_ROOT = "by_root.root"
_PLAIN = "plain.root"
_EVENTS = 4
_BRANCHES = ("npho", "time", "emiAng", "energyTruth", "run", "event")
_OF_ROOT = Path(__file__).parents[3] / "tests/data/reading/events_by_root.bin"
_TREE_OF_ROOT = "reconstruction/tree"


class EventsTarget:
    """`EventReader`, on files of xec in every compression, of uproot, and of ROOT."""

    def __init__(self, folder: Path) -> None:
        rng = np.random.default_rng(0)
        npho = np.zeros((_EVENTS, N_SENSORS), np.float32)
        npho[:, ::40] = rng.poisson(50, npho[:, ::40].shape)
        angles = rng.uniform([1.2, -0.9], [1.9, 0.9], (_EVENTS, 2))
        arrays = {
            "npho": npho,
            "relative_time": (npho * np.float32(1e-9)).astype(np.float32),
            "emiAng": angles.astype(np.float32),
            "emiVec": angles_to_direction(angles[:, 0], angles[:, 1], degrees=False).astype(np.float32),
            "energyTruth": rng.uniform(0.02, 0.05, _EVENTS).astype(np.float32),
            "run": np.full(_EVENTS, 7, np.int32),
            "event": np.arange(_EVENTS, dtype=np.int32),
        }
        for compression in ("lz4", "zstd", "zlib", "none"):
            few = {name: values[:1] if compression == "none" else values for name, values in arrays.items()}
            with TreeWriter(folder / f"{compression}.root", compression=compression) as writer:
                writer.extend(few)
        with uproot.recreate(folder / _PLAIN) as file:
            file.mktree("tree", arrays)
        (folder / _BY_ROOT).write_bytes(_OF_ROOT.read_bytes())
        self._seeds = {path.name: path.read_bytes() for path in sorted(folder.glob("*.root"))}
        self._expected = {name: _read(folder / name)[0] for name in self._seeds}

    def examples(self) -> SearchStrategy[Example]:
        """Return changed files; the ends, where the description of the tree stands, change more often."""
        return st.sampled_from(sorted(self._seeds)).flatmap(
            lambda name: mutated_bytes(
                self._seeds[name],
                [(0, 500), (len(self._seeds[name]) - 9000, len(self._seeds[name]))],
            ).map(lambda content: Example({name: content}))
        )

    def read(self, folder: Path, example: Example) -> None:
        """Compare with the file before it was changed, if that had checksums."""
        (name,) = example.files
        found, is_checked = _read(folder / name)
        for branch, values in found.items():
            require(values.shape[1:] == SCHEMA[branch].shape, f"{branch} has the shape {values.shape}")
            require(values.dtype == SCHEMA[branch].dtype, f"{branch} is of type {values.dtype}")
            require(len(values) == len(found["npho"]), f"{branch} has {len(values)} events")
        if not is_checked:
            return
        for branch, values in self._expected[name].items():
            require(np.array_equal(found[branch], values, equal_nan=True), f"{branch} has other values")


def _read(path: Path) -> tuple[dict[str, np.ndarray], bool]:
    """Return the branches, and whether the file has checksums."""
    tree = _TREE_OF_ROOT if path.name == _BY_ROOT else "tree"
    branches = ("npho", "time", "emiAng") if path.name == _BY_ROOT else _BRANCHES
    with EventReader(path, branches, tree_name=tree, num_threads=1) as reader:
        is_checked = reader.has_checksums(path)
        chunks = list(reader)
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in branches}, is_checked
