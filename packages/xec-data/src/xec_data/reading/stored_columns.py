"""Branches of a file as columns that can be written again with the same types."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import uproot

from xec_data.errors import DataError
from xec_data.reading.root_files import describe_branch
from xec_data.reading.tree_info import describe_shape
from xec_data.schema.branches import SCHEMA

_FIXED_LENGTH = {
    alias: branch.shape
    for branch in SCHEMA.values()
    for alias in (branch.name, *branch.aliases)
    if branch.shape
}


@dataclass(frozen=True)
class StoredColumn:
    """A branch and the type in which it is written.

    Attributes
    ----------
    name
        Its name in the new file.
    stored
        Its name in the old one.
    type
        What uproot calls its type: of numpy for a fixed length, text for a varying one.
    library
        Of the arrays, ``np`` for a fixed length and ``ak`` for a varying one.
    length
        Numbers of an entry that is stored with a varying length and always has the same.
    counter
        The branch with the number of numbers, None for a fixed length.
    note
        What a user should be told.
    """

    name: str
    stored: str
    type: Any
    library: Literal["np", "ak"] = "np"
    length: int | None = None
    counter: str | None = None
    note: str = ""


def columns_of(tree: Any, where: str, drop: Sequence[str] = ()) -> list[StoredColumn]:
    """List the columns of a tree, in the order of the file.

    Parameters
    ----------
    tree
        The open tree.
    where
        File and tree, for messages.
    drop
        Branches to be left out.

    Raises
    ------
    DataError
        If a branch holds what cannot be written with its type, or if nothing is left.
    """
    branches = [branch for branch in tree.branches if branch.name not in drop]
    taken = {branch.name for branch in branches}
    columns = [_column(branch, where, taken) for branch in branches]
    if not columns:
        raise DataError(f"{where}: no branches are left to be written")
    # Written together with what they count.
    counting = {column.counter for column in columns}
    return [column for column in columns if column.name not in counting]


def counters(columns: Iterable[StoredColumn]) -> dict[str, str]:
    """Branch of varying length → the branch with its length."""
    return {column.name: column.counter for column in columns if column.counter is not None}


def bytes_per_event(tree: Any, columns: Iterable[StoredColumn]) -> float:
    """Average uncompressed size of an event."""
    total = sum(int(tree[column.stored].uncompressed_bytes) for column in columns)
    return max(1.0, total / int(tree.num_entries))


def check_values(values: Any, column: StoredColumn, start: int, stop: int, place: str) -> Any:
    """Make sure that all entries were read, with the lengths that the new file will have.

    Raises
    ------
    DataError
        If entries are missing, or have another length.
    """
    if len(values) != stop - start:
        raise DataError(
            f"{place}, entries {start} to {stop - 1}: {len(values)} could be read; the file is damaged"
        )
    if column.length is None:
        return values
    import awkward as ak

    lengths = ak.to_numpy(ak.num(values))
    wrong = lengths != column.length
    if wrong.any():
        entry = int(np.argmax(wrong))
        raise DataError(
            f"{place}, entry {start + entry} has {describe_shape((int(lengths[entry]),))}; "
            f"expected {describe_shape((column.length,))}"
        )
    return np.asarray(ak.to_numpy(ak.flatten(values))).reshape(-1, column.length)


def _column(branch: Any, where: str, taken: set[str]) -> StoredColumn:
    name, interpretation = branch.name, branch.interpretation
    described = describe_branch(branch)
    numbers = interpretation.content if isinstance(interpretation, uproot.AsJagged) else interpretation
    plain = isinstance(numbers, uproot.interpretation.numerical.Numerical)
    full = np.dtype(numbers.to_dtype) if plain and hasattr(numbers, "to_dtype") else None
    if branch.branches or described.dtype is None or full is None or full.names:
        raise DataError(
            f"{where}, branch '{name}' is of type {branch.typename}, which cannot be written; "
            f"expected numbers or arrays of numbers (--drop {name} leaves it out)"
        )
    if described.shape is not None:
        return StoredColumn(name, name, full.newbyteorder("="))
    number = full.base.newbyteorder("=")
    if name in _FIXED_LENGTH and branch.count_branch is None:
        note = f"'{name}' is stored as {branch.typename} and written as an array of fixed length"
        shape = _FIXED_LENGTH[name]
        return StoredColumn(name, name, np.dtype((number, shape)), "ak", shape[0], None, note)
    text = (
        f"var * {number.name}" if not full.shape else f"var * {' * '.join(map(str, full.shape))} * {number}"
    )
    if branch.count_branch is not None:
        return StoredColumn(name, name, text, "ak", None, branch.count_branch.name)
    counter = f"n_{name}"
    if counter in taken:
        raise DataError(f"{where}, branch '{name}': its length would be written as '{counter}', which exists")
    note = f"'{name}' is stored as {branch.typename} and written as {number.name}[{counter}]"
    return StoredColumn(name, name, text, "ak", None, counter, note)
