"""Branches of the inputs under the names that they have there, event by event beside the readings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xec_data.reading.branch_arrays import read_into
from xec_data.reading.open_trees import OpenTrees
from xec_data.reading.root_files import describe_branch, told_as_damage
from xec_data.reading.shards import Shard
from xec_data.reading.tree_info import describe_shape
from xec_data.schema.branches import Branch
from xec_export.errors import ExportError
from xec_geometry.errors import did_you_mean


class CopiedBranches:
    """Any branches of numbers, of the same type and length in every event of every file.

    Parameters
    ----------
    names
        Their names in the files.
    files
        The files.
    tree_name
        Name of the tree.

    Raises
    ------
    ExportError
        If a file lacks one, or one holds no numbers, or others than in the first file.
    """

    def __init__(self, names: Sequence[str], files: Sequence[Path], tree_name: str) -> None:
        self._opened = OpenTrees(tree_name)
        self._branches: dict[str, Branch] = {}
        for path in files if names else ():
            for name in dict.fromkeys(names):
                branch = self._describe(path, name)
                expected = self._branches.setdefault(name, branch)
                if branch != expected:
                    raise ExportError(
                        f"{path}: the branch '{name}' holds {_numbers(branch)} per event, in {files[0]} "
                        f"{_numbers(expected)}; expected the same in all files"
                    )
        self._opened.close()

    def read(self, shard: Shard) -> dict[str, NDArray[Any]]:
        """Read a stretch of a file: name → (n, …), in the types of the file.

        Raises
        ------
        DataError
            If the file is damaged, or an event has another number of numbers.
        """
        columns: dict[str, NDArray[Any]] = {}
        if not self._branches:
            return columns
        tree, checksums = self._opened[shard.path], self._opened.checksums(shard.path)
        where = f"{shard.path}: tree '{self._opened.tree_name}'"
        with self._opened.unchanged(shard.path):
            for name, branch in self._branches.items():
                columns[name] = np.empty((len(shard), *branch.shape), branch.dtype)
                read_into(columns[name], tree[name], branch, shard.start, shard.stop, where, checksums)
        return columns

    def close(self) -> None:
        """Close the files."""
        self._opened.close()

    def _describe(self, path: Path, name: str) -> Branch:
        tree = self._opened[path]
        where = f"{path}: tree '{self._opened.tree_name}'"
        with told_as_damage(where):
            available = tree.keys(recursive=True, full_paths=False)
            if name not in available:
                raise ExportError(
                    f"{where} has no branch '{name}'{did_you_mean(name, available)}, which is to be copied; "
                    f"it has {', '.join(available)}"
                )
            stored = describe_branch(tree[name])
            if stored.dtype is None:
                raise ExportError(
                    f"{where}, branch '{name}' is of type {stored.typename}; only numbers can be copied"
                )
            shape = stored.shape
            if shape is None:
                # A vector: of the same length in every event, or it cannot be copied.
                shape = (len(tree[name].array(entry_stop=1, library="np")[0]),)
        return Branch(name, shape, stored.dtype.newbyteorder("=").name, "", "copied")


def _numbers(branch: Branch) -> str:
    return f"{describe_shape(branch.shape)} of {branch.dtype}"
