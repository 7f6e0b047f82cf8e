"""Description of a tree: entries, clusters, and the stored branches of the schema."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xec_data.errors import DataError, EmptyTreeError
from xec_data.reading.root_files import (
    StoredBranch,
    describe_branch,
    entry_offsets,
    open_tree,
    told_as_damage,
)
from xec_data.schema.branches import NPHO_BRANCH, SCHEMA, SENSOR_BRANCHES, TIME_BRANCH, TREE_NAME, Branch
from xec_geometry.errors import did_you_mean

DEPRECATED = {
    "relative_npho": "holds counts divided by the event's largest; files with 'npho' (photons) are preferred"
}
"""Stored branches that are still read, and why they should not be used any more."""


@dataclass(frozen=True)
class TreeInfo:
    """Description of a tree, without its entries.

    Attributes
    ----------
    path, tree
        The file and the name of the tree in it.
    n_entries
        Number of events.
    cluster_starts
        First entries of the clusters: reading can begin here without decompressing anything twice.
    stored
        Name in xec → name in the file, of the branches that were asked for and exist.
    notes
        What a user should be told, one line each.
    """

    path: Path
    tree: str
    n_entries: int
    cluster_starts: NDArray[np.int64] = field(repr=False)
    stored: dict[str, str]
    notes: tuple[str, ...] = ()


def inspect_tree(
    path: str | Path,
    branches: Iterable[str],
    *,
    tree_name: str = TREE_NAME,
    npho_branch: str = NPHO_BRANCH,
    time_branch: str = TIME_BRANCH,
    optional: Iterable[str] = (),
) -> TreeInfo:
    """Open a file and find the branches that are to be read.

    Parameters
    ----------
    path
        The file.
    branches
        Names of the schema that have to be there.
    tree_name
        Name of the tree.
    npho_branch, time_branch
        The stored names of the readings. A missing one is replaced by another alias of the schema, with
        a note.
    optional
        Names of the schema that may be missing.

    Returns
    -------
    TreeInfo
        The entries, clusters and stored names.

    Raises
    ------
    DataError
        If the file, tree or a branch is missing or has another shape, or if there are no events.
    """
    path = Path(path)
    with open_tree(path, tree_name) as tree:
        return inspect_open_tree(
            tree,
            path,
            tree_name,
            required=list(branches),
            optional=list(optional),
            wanted={"npho": npho_branch, "time": time_branch},
        )


def inspect_files(
    paths: Iterable[Path], inspect: Callable[[Path], TreeInfo]
) -> tuple[list[TreeInfo], list[str]]:
    """Inspect files, and leave out those without events: runs without any happen.

    Parameters
    ----------
    paths
        The files.
    inspect
        Inspects one.

    Returns
    -------
    list of TreeInfo, list of str
        The others, and a note about each that is left out.

    Raises
    ------
    DataError
        If a file cannot be used, or none has events.
    """
    infos: list[TreeInfo] = []
    empty: list[EmptyTreeError] = []
    for path in paths:
        try:
            infos.append(inspect(path))
        except EmptyTreeError as error:
            empty.append(error)
    if not infos:
        raise empty[0]
    return infos, [f"{error.path} has no events; it is left out" for error in empty]


def inspect_open_tree(
    tree: Any,
    path: Path,
    tree_name: str,
    *,
    required: Sequence[str],
    optional: Sequence[str],
    wanted: Mapping[str, str],
) -> TreeInfo:
    """Find the branches to be read in an open tree.

    Parameters
    ----------
    tree, path, tree_name
        The tree, its file, its name.
    required, optional
        Names of the schema.
    wanted
        Stored names by names of the schema, where they were stated.
    """
    where = f"{path}: tree '{tree_name}'"
    with told_as_damage(where):
        return _inspect(tree, path, tree_name, where, required, optional, wanted)


def _inspect(
    tree: Any,
    path: Path,
    tree_name: str,
    where: str,
    required: Sequence[str],
    optional: Sequence[str],
    wanted: Mapping[str, str],
) -> TreeInfo:
    stored: dict[str, str] = {}
    notes: list[str] = []
    n_entries = int(tree.num_entries)
    if n_entries == 0:
        raise EmptyTreeError(path, f"{where} has 0 events; expected at least one")
    available = tree.keys(recursive=True, full_paths=False)
    for name in dict.fromkeys([*required, *optional]):
        branch = schema_branch(name)
        found, note = resolve(branch, available, wanted.get(name))
        if found is None:
            if name in required:
                raise _missing_branch(where, branch, wanted.get(name, name), available)
            continue
        try:
            check_stored(describe_branch(tree[found]), branch, n_entries, where)
        except DataError as error:
            if name in required:
                raise
            notes.append(f"{error}; it is left out")
            continue
        stored[name] = found
        if note:
            notes.append(f"{path}: {note}")
    starts = _cluster_starts(tree, stored, n_entries, where)
    return TreeInfo(path, tree_name, n_entries, starts, stored, tuple(notes))


def schema_branch(name: str) -> Branch:
    """Return the branch of the schema with a name.

    Raises
    ------
    DataError
        If the schema has no such branch.
    """
    if name not in SCHEMA:
        raise DataError(
            f"unknown branch '{name}'{did_you_mean(name, SCHEMA)}; the schema has {', '.join(SCHEMA)}"
        )
    return SCHEMA[name]


def resolve(
    branch: Branch, available: Sequence[str], wanted: str | None = None
) -> tuple[str | None, str | None]:
    """Choose the stored branch for a name of the schema.

    Parameters
    ----------
    branch
        The branch of the schema.
    available
        The branches of the file.
    wanted
        The stored name that a user asked for, by default the schema's own name.

    Returns
    -------
    str or None, str or None
        The stored name, None if there is none, and a note for the user if it is not the wanted one.
    """
    wanted = wanted or branch.name
    names = dict.fromkeys([branch.name, *branch.aliases])
    # A name that the schema does not know was chosen on purpose: nothing may stand in for it.
    candidates = [wanted, *names] if wanted in names else [wanted]
    for found in candidates:
        if found in available:
            notes = []
            if found != wanted:
                notes.append(f"no branch '{wanted}', '{found}' is read instead")
            if found in DEPRECATED:
                notes.append(f"the branch '{found}' is deprecated: it {DEPRECATED[found]}")
            return found, "; ".join(notes) or None
    return None, None


def check_stored(stored: StoredBranch, branch: Branch, n_entries: int, where: str) -> None:
    """Compare a stored branch with the schema.

    A branch of variable length passes: its entries are checked when they are read.

    Raises
    ------
    DataError
        If it holds no numbers, or entries of another length, or not one entry per event.
    """
    expected = f"expected {describe_shape(branch.shape)}"
    if stored.dtype is None:
        raise DataError(f"{where}, branch '{stored.name}' is of type {stored.typename}; {expected}")
    if stored.shape is not None and _significant(stored.shape) != _significant(branch.shape):
        raise DataError(
            f"{where}, branch '{stored.name}' has {describe_shape(stored.shape)} per entry; {expected}"
        )
    if stored.n_entries != n_entries:
        raise DataError(
            f"{where}, branch '{stored.name}' has {stored.n_entries} entries; "
            f"expected {n_entries} as the tree has"
        )


def describe_shape(shape: tuple[int, ...]) -> str:
    """Describe in words how many numbers an entry has."""
    if math.prod(shape) == 1:
        return "1 number"
    return f"{' × '.join(map(str, shape))} numbers"


def summarize_notes(notes: Iterable[str]) -> list[str]:
    """Merge notes that concern many files into one line each."""
    by_text: dict[str, list[str]] = {}
    for note in notes:
        file, _, text = note.partition(": ")
        by_text.setdefault(text, []).append(file)
    return [
        f"{files[0]}: {text}" if len(files) == 1 else f"{len(files)} files ({files[0]}, …): {text}"
        for text, files in by_text.items()
    ]


def _significant(shape: tuple[int, ...]) -> tuple[int, ...]:
    # A number stored as an array of one is still that number.
    return tuple(length for length in shape if length != 1)


def _missing_branch(where: str, branch: Branch, wanted: str, available: Sequence[str]) -> DataError:
    tried = [wanted, *(alias for alias in branch.aliases if alias != wanted)]
    if wanted not in (branch.name, *branch.aliases):
        tried = [wanted]
    names = " or ".join(f"'{name}'" for name in tried)
    hint = next(filter(None, (did_you_mean(name, available) for name in tried)), "")
    return DataError(f"{where} has no branch {names} ({branch.meaning}){hint}; it has {', '.join(available)}")


def _cluster_starts(tree: Any, stored: dict[str, str], n_entries: int, where: str) -> NDArray[np.int64]:
    """Return the entries at which all large branches begin a new basket."""
    heavy = [name for name in stored if name in SENSOR_BRANCHES] or list(stored)
    offsets = [
        set(entry_offsets(tree[stored[name]], f"{where}, branch '{stored[name]}'").tolist()) for name in heavy
    ]
    common = set.intersection(*offsets) if offsets else set()
    if offsets and len(common) <= 2:
        # Baskets that never end together: the boundaries of one branch are better than none.
        common = max(offsets, key=len)
    return np.array(sorted({0} | {start for start in common if start < n_entries}), dtype=np.int64)
