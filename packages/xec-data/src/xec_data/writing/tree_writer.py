"""Streaming writer of trees; a file appears under its name when it is complete."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xec_data.errors import DataError
from xec_data.reading.root_files import open_file
from xec_data.schema.branches import TREE_NAME
from xec_data.schema.checksums import CHECKSUMS_KEY, TreeChecksums
from xec_data.writing.compression import compression_of
from xec_data.writing.root_output import root_output

CLUSTER_BYTES = 16 * 1024**2
"""Size of a cluster: it is written, and later decompressed, as one basket per branch."""

METADATA_KEY = "metadata"


class TreeWriter:
    """Write a tree of numbers, batch by batch.

    Use it in a ``with`` block: the file appears when the block ends, and not at all if the block raises.

    Parameters
    ----------
    path
        The ROOT file; an existing one is replaced at the end.
    tree
        Name of the tree.
    title
        Title of the tree.
    metadata
        Anything that JSON can hold, stored beside the tree (see `read_metadata`).
    compression
        ``zstd``, ``lz4``, ``zlib`` (readable by every ROOT) or ``none``.

    Attributes
    ----------
    n_entries : int
        Events taken so far.
    """

    def __init__(
        self,
        path: str | Path,
        tree: str = TREE_NAME,
        title: str = "",
        *,
        metadata: Mapping[str, Any] | None = None,
        compression: str = "zstd",
    ) -> None:
        self.path = Path(path)
        self.tree = tree
        self.title = title
        self.metadata = dict(metadata or {})
        self.n_entries = 0
        self._compression = compression_of(compression)
        self._stack = ExitStack()
        self._file: Any = None
        self._layout: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] | None = None
        self._waiting: list[dict[str, NDArray[Any]]] = []
        self._n_waiting = 0
        self._checksums = TreeChecksums()

    def __enter__(self) -> Self:
        self._file = self._stack.enter_context(root_output(self.path, self._compression))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        if kind is None:
            try:
                self._finish()
            except BaseException as failure:
                self._stack.__exit__(type(failure), failure, failure.__traceback__)
                raise
        return self._stack.__exit__(kind, error, trace)

    def extend(self, columns: Mapping[str, ArrayLike]) -> None:
        """Append events.

        Parameters
        ----------
        columns
            Branch → array with one entry per event; the same branches, types and shapes every time.

        Raises
        ------
        DataError
            If the lengths differ, or the branches are not those of the first call.
        """
        arrays = {name: _native(values) for name, values in columns.items()}
        lengths = {name: len(array) for name, array in arrays.items()}
        if len(set(lengths.values())) != 1:
            raise DataError(f"{self.path}: columns of different length: {lengths}")
        layout = {name: (array.dtype, array.shape[1:]) for name, array in arrays.items()}
        if self._layout is None:
            self._create(layout)
        elif layout != self._layout:
            raise DataError(
                f"{self.path}: tree '{self.tree}' has the branches {_describe(self._layout)}; "
                f"found {_describe(layout)}"
            )
        n_new = next(iter(lengths.values()))
        self.n_entries += n_new
        bytes_per_entry = sum(array.nbytes for array in arrays.values()) // max(1, n_new)
        cluster = max(1, CLUSTER_BYTES // max(1, bytes_per_entry))
        start = 0
        while start < n_new:
            stop = min(n_new, start + cluster - self._n_waiting)
            # Copies: the caller may fill its arrays anew before they are written.
            self._waiting.append({name: array[start:stop].copy() for name, array in arrays.items()})
            self._n_waiting += stop - start
            start = stop
            if self._n_waiting == cluster:
                self._flush()

    def _create(self, layout: dict[str, tuple[np.dtype[Any], tuple[int, ...]]]) -> None:
        self._layout = layout
        types = {name: np.dtype((dtype, shape)) for name, (dtype, shape) in layout.items()}
        self._file.mktree(self.tree, types, self.title)

    def _flush(self) -> None:
        if self._waiting:
            parts, self._waiting, self._n_waiting = self._waiting, [], 0
            cluster = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
            self._file[self.tree].extend(cluster)
            self._checksums.add(cluster)

    def _finish(self) -> None:
        if self._layout is None:
            raise DataError(f"{self.path}: nothing was written into the tree '{self.tree}'")
        self._flush()
        self._file[CHECKSUMS_KEY] = self._checksums.to_text()
        if self.metadata:
            self._file[METADATA_KEY] = json.dumps(self.metadata, ensure_ascii=False)


def read_metadata(path: str | Path) -> dict[str, Any]:
    """Return the metadata that `TreeWriter` stored beside the tree; empty if there is none.

    Raises
    ------
    DataError
        If the file cannot be opened.
    """
    with open_file(Path(path)) as file:
        if METADATA_KEY not in file:
            return {}
        try:
            content = json.loads(str(file[METADATA_KEY]))
        except ValueError:
            return {}
    return content if isinstance(content, dict) else {}


def _native(values: ArrayLike) -> NDArray[Any]:
    array = np.asarray(values)
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))


def _describe(layout: dict[str, tuple[np.dtype[Any], tuple[int, ...]]]) -> str:
    return ", ".join(
        f"{name} {dtype}{list(shape) if shape else ''}" for name, (dtype, shape) in layout.items()
    )
