"""Branches that nothing depends on: what a file lacks, or has in another form, is NaN."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xec_data.errors import EntryLengthError
from xec_data.reading.branch_arrays import read_into
from xec_data.reading.tree_info import TreeInfo
from xec_data.schema.branches import SCHEMA, Branch


def readable_branches(wanted: Iterable[str], trees: Sequence[TreeInfo]) -> tuple[tuple[str, ...], list[str]]:
    """Choose the branches that can be read from files of which not all have all.

    Parameters
    ----------
    wanted
        Names of the schema.
    trees
        The trees of the files.

    Returns
    -------
    tuple of str, list of str
        Those that all files have, and those that some have if there is a value that means none; and a note
        for every file that lacks one of the latter.
    """
    chosen, notes = [], []
    for name in wanted:
        lacking = [tree.path for tree in trees if name not in tree.stored]
        if lacking and (len(lacking) == len(trees) or not _has_missing_value(SCHEMA[name])):
            continue
        chosen.append(name)
        notes += [f"{path}: no branch '{name}'; its values are NaN there" for path in lacking]
    return tuple(chosen), notes


def missing_values(name: str, n_events: int) -> NDArray[Any]:
    """Return the array of a branch that a file lacks."""
    branch = SCHEMA[name]
    return np.full((n_events, *branch.shape), np.nan, dtype=branch.dtype)


def read_or_leave_out(
    notes: list[str],
    out: NDArray[Any],
    stored_branch: Any,
    branch: Branch,
    start: int,
    stop: int,
    *place: Any,
) -> None:
    """Read entries as `read_into`; where one has another length, all of them are NaN, with a note.

    Raises
    ------
    DataError
        If the file is damaged, or no value means none.
    """
    try:
        read_into(out, stored_branch, branch, start, stop, *place)
    except EntryLengthError as error:
        if not _has_missing_value(branch):
            raise
        out[...] = np.nan
        notes.append(f"{error}; NaN in entries {start} to {stop - 1}")


def _has_missing_value(branch: Branch) -> bool:
    return np.dtype(branch.dtype).kind == "f"
