"""Streaming reader of events: any range of any file, in chunks of bounded memory."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from xec_data.errors import DataError
from xec_data.reading.branch_arrays import read_into
from xec_data.reading.chunk import EventChunk
from xec_data.reading.chunk_size import bounded_chunk_size, default_chunk_size
from xec_data.reading.entry_ranges import group_clusters, plan_blocks
from xec_data.reading.file_paths import find_files
from xec_data.reading.open_trees import OpenTrees
from xec_data.reading.optional_branches import missing_values, read_or_leave_out, readable_branches
from xec_data.reading.root_files import describe_branch, entry_offsets
from xec_data.reading.shards import Shard, whole_trees
from xec_data.reading.threads import Threads
from xec_data.reading.tree_info import (
    DEPRECATED,
    TreeInfo,
    check_stored,
    inspect_files,
    inspect_open_tree,
    resolve,
    schema_branch,
    summarize_notes,
)
from xec_data.schema.angles import N_EVENTS_TO_COMPARE, AngleUnit, detect_angle_unit
from xec_data.schema.branches import (
    NPHO_BRANCH,
    SCHEMA,
    TIME_BRANCH,
    TREE_NAME,
    is_invalid,
)
from xec_data.schema.validity import check_readings

_PIECE_BYTES = 8 * 1024**2
"""Bytes that a thread decompresses at a time: few compared with a chunk, many for the cost of a call."""

_SMALL = 1024**2
"""Bytes that one thread reads as fast as several."""

_EVENTS_TO_LOOK_AT = 16


class EventReader:
    """Read events from ROOT files as raw arrays.

    Iterating gives `EventChunk` after `EventChunk`. Sensor arrays are float32 of shape (n, N_SENSORS) as
    stored, invalid readings (1e10, NaN) untouched; emission angles are in degrees whatever the file has.
    The reader can be pickled into worker processes; files are opened when they are needed.

    Parameters
    ----------
    files
        A file, folder, pattern, or a list of these.
    branches
        Names of the schema that every file must have.
    optional
        Names of the schema that are read if every file has them.
    tree_name
        Name of the tree, ``folder/tree`` inside a directory of the file.
    npho_branch, time_branch
        Stored names of the readings; another alias of the schema replaces a missing one, with a note.
    angle_unit
        Unit of the stored emission angles: ``auto`` (told from the emission vector), ``deg`` or ``rad``.
    shards
        The stretches to iterate over; by default all events of all files.
    chunk_size
        Events per chunk at most, reduced with a note if memory does not allow it; by default 32 MB.
    num_threads
        Threads that decompress; by default one per core, at most 4.
    opened
        Trees of that name that the caller shares, so that no file is opened twice; for one thread.

    Attributes
    ----------
    trees : list of TreeInfo
        The files.
    branches : tuple of str
        What is read.
    shards : list of Shard
        What iterating goes through.
    angle_units : dict of Path to str
        Unit in which each file stores its angles (only if ``emiAng`` is read).
    chunk_size : int
        Events per chunk at most.
    notes : list of str
        What a user should be told.

    Raises
    ------
    DataError
        If a file, tree, branch or the unit of the angles is not as it has to be.
    """

    def __init__(
        self,
        files: str | Path | Sequence[str | Path],
        branches: Iterable[str],
        *,
        optional: Iterable[str] = (),
        tree_name: str = TREE_NAME,
        npho_branch: str = NPHO_BRANCH,
        time_branch: str = TIME_BRANCH,
        angle_unit: str = "auto",
        shards: Sequence[Shard] | None = None,
        chunk_size: int | None = None,
        num_threads: int | None = None,
        opened: OpenTrees | None = None,
    ) -> None:
        self._opened = OpenTrees(tree_name) if opened is None else opened
        self._threads = Threads(num_threads)
        required = tuple(dict.fromkeys(branches))
        optional = tuple(name for name in dict.fromkeys(optional) if name not in required)
        self._optional = frozenset(optional)
        self.notes: list[str] = []
        self.angle_units: dict[Path, AngleUnit] = {}
        stated = {"npho": npho_branch, "time": time_branch}

        def inspect(path: Path) -> TreeInfo:
            # All that has to be known of a file while it is open: opening it is what takes the time.
            info = inspect_open_tree(
                self._opened[path], path, tree_name, required=required, optional=optional, wanted=stated
            )
            if "emiAng" in required:
                self.angle_units[path] = self._angle_unit(info, angle_unit)
            return info

        self.trees, left_out = inspect_files(find_files(files), inspect)
        self.branches, lacking = readable_branches((*required, *optional), self.trees)
        self.notes += lacking
        if not self.branches:
            raise DataError(
                "no branches to read: none were asked for, or the files have none of the optional ones"
            )
        self.notes += summarize_notes([note for tree in self.trees for note in tree.notes])
        self.notes += left_out
        self.chunk_size = default_chunk_size(self.branches)
        if chunk_size is not None:
            self.chunk_size, note = bounded_chunk_size(chunk_size, self.branches)
            self.notes += [note] if note else []
        self.shards = list(shards) if shards is not None else whole_trees(self.trees)
        self._tree_of = {tree.path: tree for tree in self.trees}
        for shard in self.shards:
            self._check_shard(shard)
        if "emiAng" in self.branches and "emiAng" not in required:
            self._find_units_of_optional_angles(angle_unit)
        for name, why in DEPRECATED.items():
            if any(name in tree.stored.values() for tree in self.trees):
                warnings.warn(f"the branch '{name}' is deprecated: it {why}", FutureWarning, stacklevel=2)

    @property
    def n_events(self) -> int:
        """Number of events in the shards."""
        return sum(map(len, self.shards))

    def __iter__(self) -> Iterator[EventChunk]:
        try:
            for shard in self.shards:
                for block, chunks in plan_blocks(shard, self._tree_of[shard.path], self.chunk_size):
                    events = self.read(block)
                    for chunk in chunks:
                        yield _part(events, chunk)
                    # Else it would stay in memory while the next one is read.
                    del events
        finally:
            self.close()

    def only(self, branches: Sequence[str], chunk_size: int | None = None) -> EventReader:
        """Return a reader of some of the branches, without opening the files again.

        Both share the files that are open, so they are for one thread.

        Parameters
        ----------
        branches
            Some of `branches`.
        chunk_size
            As for a new reader.
        """
        reader = copy(self)
        reader._threads, reader.branches = Threads(self._threads.number), tuple(branches)
        reader.chunk_size = default_chunk_size(reader.branches)
        if chunk_size is not None:
            reader.chunk_size, _ = bounded_chunk_size(chunk_size, reader.branches)
        return reader

    def read(self, shard: Shard) -> EventChunk:
        """Read one stretch of a file as a whole.

        Parameters
        ----------
        shard
            File and entries.

        Returns
        -------
        EventChunk
            Its events.

        Raises
        ------
        DataError
            If the file is not one of the reader's, does not have these entries, is damaged, or is no longer
            the one that the reader has opened first.
        """
        self._check_shard(shard)
        info = self._tree_of[shard.path]
        stored = {name: info.stored[name] for name in self.branches if name in info.stored}
        arrays = self._read_arrays(info, stored, shard)
        arrays |= {name: missing_values(name, len(shard)) for name in self.branches if name not in arrays}
        if "emiAng" in arrays and self.angle_units.get(shard.path) == "rad":
            angles = arrays["emiAng"]
            np.degrees(angles, out=angles, where=~is_invalid(angles))
        return EventChunk(arrays, shard)

    def check_readings(self) -> None:
        """Check the first events of every file.

        Raises
        ------
        DataError
            If all photon counts there are invalid.
        """
        for info in self.trees:
            shard = Shard(info.path, 0, min(info.n_entries, _EVENTS_TO_LOOK_AT))
            if "npho" in info.stored:
                check_readings(self._read_arrays(info, {"npho": info.stored["npho"]}, shard)["npho"], shard)

    def has_checksums(self, path: Path) -> bool:
        """Return whether damage of a file is noticed whatever its compression; see `TreeChecksums`."""
        return self._opened.checksums(path) is not None

    def close(self) -> None:
        """Close the files that are open. The reader can be used again afterwards."""
        self._threads.stop()
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check_shard(self, shard: Shard) -> None:
        tree = self._tree_of.get(shard.path)
        if tree is None:
            raise DataError(f"{shard.path} is not one of this reader's {len(self.trees)} files")
        if not 0 <= shard.start <= shard.stop <= tree.n_entries:
            raise DataError(
                f"{shard.path}: tree '{tree.tree}': entries {shard.start} to {shard.stop} (exclusive) were "
                f"requested; it has {tree.n_entries}"
            )

    def _read_arrays(self, info: TreeInfo, stored: dict[str, str], shard: Shard) -> dict[str, NDArray[Any]]:
        """Read branches, given as name in xec → name in the file, cut into pieces for the threads."""
        tree = self._opened[info.path]
        checksums = self._opened.checksums(info.path)
        where = f"{info.path}: tree '{info.tree}'"
        arrays: dict[str, NDArray[Any]] = {}
        tasks: list[Callable[[], None]] = []
        for name, stored_name in stored.items():
            branch = schema_branch(name)
            array = arrays[name] = np.empty((len(shard), *branch.shape), dtype=branch.dtype)
            stored_branch = tree[stored_name]
            # A basket is decompressed as a whole, so that no two threads should share one.
            baskets = entry_offsets(stored_branch, f"{where}, branch '{stored_name}'")
            per_piece = max(1, _PIECE_BYTES // branch.bytes_per_event)
            for start, stop in group_clusters(shard.start, shard.stop, baskets, per_piece):
                out = array[start - shard.start : stop - shard.start]
                read = partial(read_or_leave_out, self.notes) if name in self._optional else read_into
                tasks.append(partial(read, out, stored_branch, branch, start, stop, where, checksums))
        # What is read in a moment is not worth to wake threads up for.
        threads = self._threads if sum(array.nbytes for array in arrays.values()) > _SMALL else Threads(1)
        with self._opened.unchanged(info.path):
            threads.do(tasks)
        return arrays

    def _find_units_of_optional_angles(self, stated: str) -> None:
        """Find the units of angles that nothing depends on; without them where that is impossible."""
        try:
            self.angle_units = {
                tree.path: self._angle_unit(tree, stated) for tree in self.trees if "emiAng" in tree.stored
            }
        except DataError as error:
            if stated != "auto":
                raise
            self.branches = tuple(name for name in self.branches if name != "emiAng")
            self.notes.append(f"{error}; emiAng is left out")

    def _angle_unit(self, info: TreeInfo, stated: str) -> AngleUnit:
        stored = {"emiAng": info.stored["emiAng"]}
        where = f"{info.path}: tree '{info.tree}'"
        tree = self._opened[info.path]
        vector, _ = resolve(SCHEMA["emiVec"], tree.keys(recursive=True, full_paths=False))
        if vector is not None:
            try:
                check_stored(describe_branch(tree[vector]), SCHEMA["emiVec"], info.n_entries, where)
                stored["emiVec"] = vector
            except DataError as error:
                self.notes.append(f"{error}; the unit of emiAng is taken from its range instead")
        shard = Shard(info.path, 0, min(info.n_entries, N_EVENTS_TO_COMPARE))
        arrays = self._read_arrays(info, stored, shard)
        return detect_angle_unit(arrays["emiAng"], arrays.get("emiVec"), stated, source=where)


def _part(events: EventChunk, shard: Shard) -> EventChunk:
    if shard == events.shard:
        return events
    part = slice(shard.start - events.shard.start, shard.stop - events.shard.start)
    # Copies: a chunk that someone keeps must not keep its whole block alive.
    return EventChunk({name: array[part].copy() for name, array in events.items()}, shard)
