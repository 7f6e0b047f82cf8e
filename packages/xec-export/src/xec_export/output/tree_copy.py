"""Copies of trees of numbers, cluster by cluster, with their names and types."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import uproot
from numpy.lib.recfunctions import structured_to_unstructured
from numpy.typing import NDArray

from xec_data.reading.entry_ranges import group_clusters
from xec_data.reading.root_files import StoredBranch, describe_branch, entry_offsets, one_line
from xec_data.schema.checksums import CHECKSUMS_KEY, TreeChecksums
from xec_data.writing.tree_writer import CLUSTER_BYTES
from xec_export.errors import ExportError

Columns = dict[str, Any]

# A jagged branch is taken for so many numbers an event when memory is planned.
_JAGGED_LENGTH = 16

# Clusters of a file that are longer than this many of ours are read in pieces.
_LONG = 4


class StoredTree:
    """The branches of a tree that can be copied, and notes about the others.

    Parameters
    ----------
    tree
        The uproot tree.
    path
        Its file, for messages.
    checksums
        Of the tree, if there are any.

    Attributes
    ----------
    branches : dict of str to StoredBranch
        Those that hold numbers, of fixed or of varying length.
    notes : list of str
        Notes for the user about branches that are left out or stored in another way.
    """

    def __init__(self, tree: Any, path: Path, checksums: TreeChecksums | None = None) -> None:
        self.tree, self.path, self.checksums = tree, path, checksums
        self.branches: dict[str, StoredBranch] = {}
        self.notes: list[str] = []
        counters = set()
        for branch in tree.itervalues(recursive=True):
            if len(branch.branches):
                continue
            counter = branch.count_branch
            if counter is not None:
                counters.add(counter.name)
            self._describe(branch)
        # They are written together with the branches that they count.
        self.counters = counters & self.branches.keys()
        for name in self.counters:
            del self.branches[name]

    def _describe(self, branch: Any) -> None:
        stored = describe_branch(branch)
        where = f"{self.path}, tree '{self.tree.name}', branch '{stored.name}'"
        if stored.dtype is None:
            self.notes.append(f"{where} is left out: it is of type {stored.typename}, not of numbers")
        elif stored.name in self.branches:
            self.notes.append(f"{where} is left out: there is another branch of this name")
        else:
            self.branches[stored.name] = stored
            if getattr(branch.interpretation, "header_bytes", 0):
                self.notes.append(f"{where} becomes an array of numbers; it was a {stored.typename}")
            elif getattr(getattr(branch.interpretation, "to_dtype", None), "names", None):
                self.notes.append(f"{where} becomes one array; it was a list of leaves")

    @property
    def n_entries(self) -> int:
        """Number of entries."""
        return int(self.tree.num_entries)

    def layout(self, fixed: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
        """Return the types for a new tree; `fixed` gives shapes of branches of known, fixed length."""
        types: dict[str, Any] = {}
        for name, stored in self.branches.items():
            assert stored.dtype is not None
            dtype = stored.dtype.newbyteorder("=")
            shape = fixed.get(name, stored.shape)
            types[name] = f"var * {dtype.name}" if shape is None else np.dtype((dtype, shape))
        return types

    def entry_ranges(self, lead: str) -> Iterator[tuple[int, int]]:
        """Yield ranges of entries of some megabytes, cut where the baskets of the branch `lead` begin."""
        per_entry = sum(map(_bytes, self.branches.values()))
        at_most = max(1, CLUSTER_BYTES // max(1, per_entry))
        starts = entry_offsets(self.tree[lead], f"{self.path}, branch '{lead}'")
        for start, stop in group_clusters(0, self.n_entries, starts, at_most):
            step = at_most if stop - start > _LONG * at_most else stop - start
            for first in range(start, stop, step):
                yield first, min(first + step, stop)

    def read(self, name: str, start: int, stop: int) -> Any:
        """Read entries of a branch: a numpy array, or an awkward one if their length varies.

        Raises
        ------
        ExportError, DataError
            If the file is damaged.
        """
        fixed = self.branches[name].shape is not None
        try:
            values = self.tree[name].array(
                entry_start=start, entry_stop=stop, library="np" if fixed else "ak", array_cache=None
            )
        except Exception as error:
            raise ExportError(
                f"{self.path}, branch '{name}', entries {start} to {stop - 1} cannot be read, the file is "
                f"damaged: {one_line(error)}"
            ) from error
        if len(values) != stop - start:
            raise ExportError(
                f"{self.path}, branch '{name}', entries {start} to {stop - 1}: {len(values)} could be read; "
                "the file is damaged"
            )
        if not fixed:
            return values
        if self.checksums is not None:
            place = f"{self.path}: tree '{self.tree.name}', branch '{name}'"
            self.checksums.check(name, values, start, stop, place)
        if values.dtype.names:
            values = structured_to_unstructured(values)
        return np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("="))


def as_rows(values: Any, length: int, where: str) -> NDArray[Any]:
    """Convert an awkward array to a numpy array with rows of equal length.

    Raises
    ------
    ExportError
        If an entry has another length.
    """
    if isinstance(values, np.ndarray):
        return values.reshape(-1, length)
    import awkward as ak

    lengths = ak.to_numpy(ak.num(values))
    if (lengths != length).any():
        wrong = lengths[lengths != length][0]
        raise ExportError(f"{where}: an entry has {wrong} numbers, expected {length}")
    return np.asarray(ak.to_numpy(ak.flatten(values))).reshape(-1, length)


def create_tree(file: Any, name: str, types: Mapping[str, Any], title: str) -> Any:
    """Create a tree in a file that is open for writing."""
    with warnings.catch_warnings():
        # uproot announces a later default for trees; this asks for a TTree by name.
        warnings.simplefilter("ignore", FutureWarning)
        return file.mktree(name, dict(types), title)


def copy_the_rest(file: Any, source: Any, path: Path, but: str) -> list[str]:
    """Copy all other trees and strings of a file.

    Parameters
    ----------
    file
        Open for writing.
    source
        Open for reading.
    path
        Name of the source, for messages.
    but
        The tree that is not copied.

    Returns
    -------
    list of str
        Notes for the user.
    """
    notes = []
    for name, kind in source.classnames(recursive=True, cycle=False).items():
        if name in (but, CHECKSUMS_KEY) or kind.startswith("TDirectory"):
            continue
        if kind == "TObjString":
            file[name] = str(source[name])
        elif kind in ("TTree", "TNtuple", "TNtupleD"):
            notes += _copy_tree(file, source[name], name, path)
        else:
            notes.append(f"{path}: '{name}' is left out: it is a {kind}, only trees and strings are copied")
    return notes


def _copy_tree(file: Any, source: Any, name: str, path: Path) -> list[str]:
    tree = StoredTree(source, path)
    if not tree.branches or not tree.n_entries:
        return [f"{path}: the tree '{name}' is left out: it has no entries with numbers"]
    new = create_tree(file, name, tree.layout({}), source.title)
    for start, stop in tree.entry_ranges(next(iter(tree.branches))):
        new.extend({branch: tree.read(branch, start, stop) for branch in tree.branches})
    return tree.notes


def compression_of(source: Any) -> Any:
    """Return the compression of a file, for its copy."""
    found = source.file.compression
    return found if found is not None else uproot.ZSTD(3)


def _bytes(stored: StoredBranch) -> int:
    assert stored.dtype is not None
    length = _JAGGED_LENGTH if stored.shape is None else int(np.prod(stored.shape, dtype=np.int64))
    return length * stored.dtype.itemsize
