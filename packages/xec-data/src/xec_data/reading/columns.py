"""Columns of flat trees such as prediction files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xec_data.errors import DataError
from xec_data.reading.file_identity import unchanged
from xec_data.reading.root_files import describe_branch, find_checksums, find_tree, one_line, open_file
from xec_data.schema.branches import TREE_NAME
from xec_geometry.errors import did_you_mean


def read_columns(
    path: str | Path, names: Sequence[str] | None = None, tree_name: str = TREE_NAME
) -> dict[str, NDArray[Any]]:
    """Read branches of any tree, whatever their names, as they are stored.

    Parameters
    ----------
    path
        The file.
    names
        The branches; by default all that hold the same number of numbers in every entry.
    tree_name
        Name of the tree.

    Returns
    -------
    dict of str to numpy.ndarray
        Name → array of shape (entries, …).

    Raises
    ------
    DataError
        If the file, the tree or a branch is missing or damaged, or a branch has no fixed shape.
    """
    path = Path(path)
    columns: dict[str, NDArray[Any]] = {}
    with unchanged(path), open_file(path) as file:
        tree = find_tree(file, path, tree_name)
        checksums = find_checksums(file, tree, path)
        available = tree.keys(recursive=True, full_paths=False)
        for name in available if names is None else names:
            where = f"{path}: tree '{tree_name}'"
            if name not in available:
                hint = did_you_mean(name, available)
                raise DataError(f"{where} has no branch '{name}'{hint}; it has {', '.join(available)}")
            stored = describe_branch(tree[name])
            if stored.dtype is None or stored.shape is None:
                if names is None:
                    continue
                raise DataError(
                    f"{where}, branch '{name}' is of type {stored.typename}; expected numbers of fixed shape"
                )
            try:
                columns[name] = np.asarray(tree[name].array(library="np"))
            except Exception as error:
                raise DataError(f"{where}, branch '{name}' cannot be read: {one_line(error)}") from error
            if checksums is not None:
                n_entries = int(tree.num_entries)
                checksums.check(stored.name, columns[name], 0, n_entries, f"{where}, branch '{name}'")
    return columns
