"""ROOT files and the stored form of their branches."""

from __future__ import annotations

import gc
import struct
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import uproot
from numpy.typing import NDArray

from xec_data.errors import DataError
from xec_data.reading.file_paths import told_if_unreadable
from xec_data.schema.checksums import CHECKSUMS_KEY, TreeChecksums
from xec_geometry.errors import XecError, did_you_mean
from xec_geometry.support.input import special_kind

_MAGIC = b"root"
_LARGE_FILE = 1_000_000
_TREE_CLASSES = ("TTree", "TNtuple", "TNtupleD")


@dataclass(frozen=True)
class StoredBranch:
    """Stored form of a branch.

    Attributes
    ----------
    name
        Its name in the file.
    typename
        Its C++ type.
    dtype
        The type of its numbers, None if it holds no numbers.
    shape
        The shape of one entry, None if the length may differ from entry to entry.
    n_entries
        How many entries it has.
    """

    name: str
    typename: str
    dtype: np.dtype[Any] | None
    shape: tuple[int, ...] | None
    n_entries: int


@contextmanager
def open_tree(path: Path, tree_name: str) -> Iterator[Any]:
    """Open a file and yield its tree.

    Parameters
    ----------
    path
        The file.
    tree_name
        Name of the tree, ``folder/tree`` if it stands in a directory of the file.

    Yields
    ------
    uproot.TTree
        The tree, as long as the block lasts.

    Raises
    ------
    DataError
        If the file is missing, truncated or no ROOT file, or has no such tree.
    """
    with open_file(path) as file:
        yield find_tree(file, path, tree_name)


def open_file(path: Path) -> Any:
    """Open a ROOT file without mapping it into memory and without caches: memory stays bounded.

    Raises
    ------
    DataError
        If the file is missing, truncated, or no ROOT file.
    """
    if "::" in str(path):
        raise DataError(
            f"{path} cannot be opened: to uproot '::' stands between a file and a protocol; expected a path "
            "without it, such as one from within that folder"
        )
    _check_header(path)
    try:
        return uproot.open(
            path,
            handler=uproot.MultithreadedFileSource,
            object_cache=None,
            array_cache=None,
        )
    except Exception as error:
        # What uproot has opened would be closed whenever its memory is freed: possibly by its own thread,
        # which cannot wait for itself.
        traceback.clear_frames(error.__traceback__)
        gc.collect()
        raise DataError(f"{path} cannot be opened as a ROOT file: {one_line(error)}") from error


def find_tree(file: Any, path: Path, tree_name: str) -> Any:
    """Find a tree in an open file.

    Raises
    ------
    DataError
        If there is no such tree, with a list of those that exist, or if it is something else.
    """
    try:
        classes = file.classnames(recursive=True, cycle=False)
        name = tree_name.partition(";")[0].strip("/")
        found = classes.get(name)
        trees = sorted(key for key, kind in classes.items() if kind in _TREE_CLASSES)
        if found in _TREE_CLASSES:
            return file[tree_name]
    except Exception as error:
        raise DataError(f"{path}: tree '{tree_name}' cannot be read: {one_line(error)}") from error
    existing = f"the trees in this file are {', '.join(map(repr, trees))}" if trees else "it has no trees"
    if found is None:
        raise DataError(f"{path}: no tree '{tree_name}'; {existing}{did_you_mean(tree_name, trees)}")
    raise DataError(f"{path}: '{tree_name}' is a {found}; expected a TTree; {existing}")


@contextmanager
def told_as_damage(place: str) -> Iterator[None]:
    """Turn what uproot raises for damaged descriptions of trees, which may be anything, into a `DataError`.

    Parameters
    ----------
    place
        File and tree.
    """
    try:
        yield
    except XecError:
        raise
    except Exception as error:
        raise DataError(f"{place} cannot be read, the file is damaged: {one_line(error)}") from error


def entry_offsets(branch: Any, place: str) -> NDArray[np.int64]:
    """Return the entries at which the baskets of a branch begin, and their end.

    Parameters
    ----------
    branch
        A branch of an open tree.
    place
        File, tree and branch.

    Raises
    ------
    DataError
        If its baskets are damaged.
    """
    with told_as_damage(place):
        return np.asarray(branch.entry_offsets, dtype=np.int64)


def find_checksums(file: Any, tree: Any, path: Path) -> TreeChecksums | None:
    """Return the checksums of a tree in an open file; None if it has none.

    Raises
    ------
    DataError
        If they are damaged.
    """
    with told_as_damage(f"{path}: the checksums of tree '{tree.name}'"):
        if f"{CHECKSUMS_KEY};1" not in file.keys():  # noqa: SIM118 (a file of uproot is no dictionary)
            return None
        return TreeChecksums.from_text(str(file[CHECKSUMS_KEY]), int(tree.num_entries))


def describe_branch(branch: Any) -> StoredBranch:
    """Describe how a branch is stored, without reading any of its entries."""
    interpretation = branch.interpretation
    dtype: np.dtype[Any] | None = None
    shape: tuple[int, ...] | None = ()
    if isinstance(interpretation, uproot.AsJagged):
        numbers, shape = interpretation.content, None
    else:
        numbers = interpretation
    if isinstance(numbers, uproot.interpretation.numerical.Numerical):
        full = np.dtype(numbers.numpy_dtype)
        dtype = _number_type(full.base)
        if shape is not None:
            # Leaves of one branch (x/D:y/D:z/D) are as good as an array.
            shape = full.shape + ((len(full.base.names),) if full.base.names else ())
    return StoredBranch(branch.name, branch.typename, dtype, shape, int(branch.num_entries))


def _number_type(dtype: np.dtype[Any]) -> np.dtype[Any] | None:
    leaves = [dtype[name] for name in dtype.names] if dtype.names else [dtype]
    if any(leaf.kind not in "biuf" or leaf.shape for leaf in leaves):
        return None
    return np.result_type(*leaves)


def one_line(error: BaseException) -> str:
    """Summarize an error of a library in one line."""
    # uproot tells where it was before and after it tells what is wrong; the place is ours to name.
    lines = [line for line in str(error).splitlines() if line.strip() and not line[0].isspace()]
    telling = [line for line in lines if not line.startswith(("while reading", "in file", "in object"))]
    text = " ".join((telling or lines or [""])[0].split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _check_header(path: Path) -> None:
    """Refuse files of other formats and truncated ones, on which uproot would fail later."""
    if path.is_dir():
        raise DataError(f"{path} is a folder; expected a ROOT file")
    if kind := special_kind(path):
        raise DataError(f"{path} is {kind}; expected a ROOT file")
    with told_if_unreadable(path):
        with path.open("rb") as file:
            header = file.read(20)
        size = path.stat().st_size
    if not header:
        raise DataError(f"{path} is empty; expected a ROOT file")
    if header[:4] != _MAGIC:
        raise DataError(f"{path} is not a ROOT file: it begins with {header[:4]!r}, expected {_MAGIC!r}")
    if len(header) < 20:
        raise DataError(f"{path} is truncated: it has {size} bytes, less than a ROOT file's header")
    (version,) = struct.unpack(">i", header[4:8])
    (end,) = (
        struct.unpack(">q", header[12:20]) if version >= _LARGE_FILE else struct.unpack(">i", header[12:16])
    )
    if size < end:
        raise DataError(f"{path} is truncated: it has {size} bytes, expected {end} by its header")
