"""Cache of open trees: opening a file takes as long as reading hundreds of its events."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from xec_data.reading.file_identity import FileIdentity, identity_of, unchanged
from xec_data.reading.root_files import find_checksums, find_tree, open_file
from xec_data.schema.checksums import TreeChecksums

_AT_MOST = 128
"""Maximal number of open files; each takes a file descriptor and a sleeping thread."""

_SHARE_OF_DESCRIPTORS = 8
"""A reader uses at most one in so many of the file descriptors of a process."""


class OpenTrees:
    """The trees of one name in the files used last; a process that was forked opens them again.

    They are closed with the last reader that shares them, if not before. A file that is opened again has to
    be the one that it was the first time.

    Parameters
    ----------
    tree_name
        Name of the tree.
    identities
        Of files that were opened before.
    """

    def __init__(self, tree_name: str, identities: Mapping[Path, FileIdentity] | None = None) -> None:
        self.tree_name = tree_name
        self._identities = dict(identities or {})
        self._forget()

    def __getitem__(self, path: Path) -> Any:
        self._leave_to_parent()
        if path in self._opened:
            self._opened.move_to_end(path)
        else:
            # Before the file is opened: what happens in between is noticed too.
            identity = identity_of(path)
            with unchanged(path, self._identities.get(path, identity)):
                opened = self._open(path)
            self._identities[path], self._opened[path] = identity, opened
            if len(self._opened) > _most_open():
                self._opened.popitem(last=False)[1][0].close()
        return self._opened[path][1]

    def _open(self, path: Path) -> tuple[Any, Any, TreeChecksums | None]:
        file = open_file(path)
        try:
            tree = find_tree(file, path, self.tree_name)
            return file, tree, find_checksums(file, tree, path)
        except BaseException:
            file.close()
            raise

    def checksums(self, path: Path) -> TreeChecksums | None:
        """Return the checksums of a tree; None if its file has none."""
        self[path]
        return self._opened[path][2]

    def unchanged(self, path: Path) -> AbstractContextManager[None]:
        """Make sure that a file is still the one that was opened first, when the block has ended."""
        return unchanged(path, self._identities[path])

    def close(self) -> None:
        """Close all of them. They are opened again when they are asked for."""
        self._leave_to_parent()
        for file, _, _ in self._opened.values():
            file.close()
        self._opened.clear()

    def __del__(self) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        return {"tree_name": self.tree_name, "identities": self._identities}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def _leave_to_parent(self) -> None:
        if self._process != os.getpid():
            self._forget()

    def _forget(self) -> None:
        self._process = os.getpid()
        self._opened: OrderedDict[Path, tuple[Any, Any, TreeChecksums | None]] = OrderedDict()


def _most_open() -> int:
    try:
        from resource import RLIMIT_NOFILE, getrlimit
    except ImportError:
        # Windows counts no descriptors.
        return _AT_MOST
    allowed = getrlimit(RLIMIT_NOFILE)[0]
    return max(1, min(_AT_MOST, allowed // _SHARE_OF_DESCRIPTORS)) if allowed > 0 else _AT_MOST
