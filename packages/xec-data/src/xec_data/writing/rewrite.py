"""Copies of event files with another compression and other clusters, bit by bit the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from xec_data.errors import DataError
from xec_data.reading.entry_ranges import group_clusters
from xec_data.reading.file_identity import FileIdentity, identity_of, unchanged
from xec_data.reading.file_paths import find_files
from xec_data.reading.root_files import entry_offsets, find_checksums, find_tree, one_line, open_file
from xec_data.reading.stored_columns import StoredColumn, bytes_per_event, check_values, columns_of, counters
from xec_data.schema.branches import TREE_NAME
from xec_data.schema.checksums import CHECKSUMS_KEY, TreeChecksums
from xec_data.writing.compression import FASTEST, compression_of
from xec_data.writing.root_output import root_output
from xec_data.writing.tree_writer import CLUSTER_BYTES
from xec_geometry.errors import did_you_mean
from xec_geometry.support.output import check_writable

Block = dict[str, Any]
"""Branch → array, of numpy for a fixed length and of awkward for a varying one."""


@dataclass(frozen=True)
class RewriteSummary:
    """Summary of a rewriting.

    Attributes
    ----------
    path
        The file written.
    n_events
        Events in it.
    cluster
        Events per cluster.
    bytes_before, bytes_after
        Size of the files read, and of the one written.
    notes
        What a user should be told: keys that were not copied, branches that changed their type.
    """

    path: Path
    n_events: int
    cluster: int
    bytes_before: int
    bytes_after: int
    notes: tuple[str, ...]

    def line(self) -> str:
        """Return the summary in one line."""
        return (
            f"{self.path}: {self.n_events} events in clusters of {self.cluster}, "
            f"{self.bytes_after / 1e6:.1f} MB (before: {self.bytes_before / 1e6:.1f} MB)"
        )


def rewrite_files(
    inputs: str | Path | Sequence[str | Path],
    output: str | Path,
    *,
    tree_name: str = TREE_NAME,
    compression: str = FASTEST,
    level: int | None = None,
    cluster: int | None = None,
    drop: Iterable[str] = (),
    progress: Callable[[int, int], None] | None = None,
) -> RewriteSummary:
    """Write the events of files, one file after the other, into a new one.

    All branches are kept, whatever they are called, with their types and to the last bit. Every branch
    has one basket per cluster. In memory are a cluster of the old file and one of the new.

    Parameters
    ----------
    inputs
        A file, folder, pattern, or a list of these; all with the same branches.
    output
        The file; it appears when it is complete.
    tree_name
        Name of the tree, in the inputs and in the output.
    compression, level
        A key of `METHODS`, and its level.
    cluster
        Events per cluster; by default as many as have 16 MB before they are compressed.
    drop
        Branches to be left out.
    progress
        Called with the number of events written so far, and of all.

    Returns
    -------
    RewriteSummary
        Sizes, and what was not copied.

    Raises
    ------
    DataError
        If a file is damaged, the files differ in their branches, or a branch cannot be written.
    OutputError
        If the output cannot be written.
    """
    settings = compression_of(compression, level)
    if cluster is not None and cluster < 1:
        raise DataError(f"clusters of {cluster} events; expected at least 1")
    paths = find_files(inputs)
    output = check_writable(output, inputs=paths)
    drop = tuple(drop)
    contents = [_inspect(path, tree_name, drop) for path in paths]
    first = contents[0]
    for content in contents[1:]:
        _check_same(first, content)
    n_events = sum(content.n_events for content in contents)
    per_cluster = cluster or max(1, int(CLUSTER_BYTES // first.bytes_per_event))
    types = {column.name: column.type for column in first.columns}
    done = 0
    with root_output(output, settings) as file:
        counter_of = counters(first.columns)
        tree = file.mktree(tree_name, types, first.title, counter_name=counter_of.__getitem__)
        checksums = TreeChecksums()
        blocks = chain.from_iterable(_blocks(content, tree_name, per_cluster) for content in contents)
        for block in recut(blocks, per_cluster):
            tree.extend(block)
            checksums.add(block)
            done += len(next(iter(block.values())))
            if progress is not None:
                progress(done, n_events)
        file[CHECKSUMS_KEY] = checksums.to_text()
        for name, text in first.texts.items():
            file[name] = text
    before = sum(path.stat().st_size for path in paths)
    notes = tuple(dict.fromkeys(chain.from_iterable(content.notes for content in contents)))
    return RewriteSummary(output, n_events, per_cluster, before, output.stat().st_size, notes)


def recut(blocks: Iterable[Block], size: int) -> Iterator[Block]:
    """Cut a sequence of blocks into blocks of exactly `size` events; the last may have fewer."""
    waiting: list[Block] = []
    held = 0
    for block in blocks:
        start, n = 0, len(next(iter(block.values())))
        while start < n:
            stop = min(n, start + size - held)
            waiting.append({name: array[start:stop] for name, array in block.items()})
            held, start = held + stop - start, stop
            if held == size:
                yield _join(waiting)
                waiting, held = [], 0
        # What waits must not keep a large block alive.
        waiting = [_join(waiting, copy=True)] if waiting else []
    if waiting:
        yield _join(waiting)


def _join(parts: list[Block], *, copy: bool = False) -> Block:
    if len(parts) == 1 and not copy:
        return parts[0]
    return {name: _concatenate([part[name] for part in parts]) for name in parts[0]}


def _concatenate(arrays: list[Any]) -> Any:
    if isinstance(arrays[0], np.ndarray):
        return np.concatenate(arrays)
    import awkward as ak

    return ak.to_packed(ak.concatenate(arrays))


@dataclass(frozen=True)
class _Content:
    """Columns of a file, without its events."""

    path: Path
    title: str
    n_events: int
    columns: list[StoredColumn]
    bytes_per_event: float
    texts: Mapping[str, str]
    notes: list[str]
    identity: FileIdentity


def _inspect(path: Path, tree_name: str, drop: tuple[str, ...]) -> _Content:
    identity = identity_of(path)
    with unchanged(path, identity), open_file(path) as file:
        tree = find_tree(file, path, tree_name)
        where = f"{path}: tree '{tree_name}'"
        missing = [name for name in drop if name not in tree]
        if missing:
            raise DataError(f"{where} has no branch '{missing[0]}'{did_you_mean(missing[0], tree.keys())}")
        if tree.num_entries == 0:
            raise DataError(f"{where} has 0 events; expected at least one")
        columns = columns_of(tree, where, drop)
        notes = [column.note for column in columns if column.note]
        texts, others = _other_keys(file, tree_name)
        if others:
            notes.append(f"not copied: {', '.join(others)}")
        size = bytes_per_event(tree, columns)
        return _Content(path, tree.title, int(tree.num_entries), columns, size, texts, notes, identity)


def _other_keys(file: Any, tree_name: str) -> tuple[dict[str, str], list[str]]:
    """Texts that stand beside the tree, and everything else as ``name (class)``."""
    texts: dict[str, str] = {}
    others = []
    for name, kind in file.classnames(recursive=True, cycle=False).items():
        if name in (tree_name.strip("/"), CHECKSUMS_KEY) or kind == "TDirectory":
            continue
        if kind == "TObjString":
            texts[name] = str(file[name])
        else:
            others.append(f"{name} ({kind})")
    return texts, others


def _check_same(first: _Content, other: _Content) -> None:
    # As text: numpy takes a missing type for a double.
    expected = {column.name: str(column.type) for column in first.columns}
    found = {column.name: str(column.type) for column in other.columns}
    for name in [*expected, *found]:
        if expected.get(name) != found.get(name):
            raise DataError(
                f"{other.path}: branch '{name}' is {found.get(name, 'missing')}; "
                f"expected {expected.get(name, 'none')} as in {first.path}"
            )


def _blocks(content: _Content, tree_name: str, at_most: int) -> Iterator[Block]:
    with unchanged(content.path, content.identity), open_file(content.path) as file:
        tree = find_tree(file, content.path, tree_name)
        heaviest = max(content.columns, key=lambda column: tree[column.stored].uncompressed_bytes)
        starts = entry_offsets(tree[heaviest.stored], f"{content.path}: branch '{heaviest.stored}'")
        checksums = find_checksums(file, tree, content.path)
        for start, stop in group_clusters(0, content.n_events, starts, at_most):
            block = {
                column.name: _read(tree, column, start, stop, content.path, checksums)
                for column in content.columns
            }
            yield block
            # Else it would stay in memory while the next one is read.
            del block


def _read(
    tree: Any, column: StoredColumn, start: int, stop: int, path: Path, checksums: TreeChecksums | None
) -> Any:
    place = f"{path}: tree '{tree.name}', branch '{column.stored}'"
    try:
        values = tree[column.stored].array(
            entry_start=start, entry_stop=stop, array_cache=None, library=column.library
        )
    except Exception as error:
        raise DataError(
            f"{place}, entries {start} to {stop - 1} cannot be read, the file is damaged: {one_line(error)}"
        ) from error
    checked = check_values(values, column, start, stop, place)
    if checksums is not None and isinstance(checked, np.ndarray):
        checksums.check(column.stored, checked, start, stop, place)
    return checked
