"""Cache of open trees: opening a file takes as long as reading hundreds of its events."""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path
from typing import Any

from xec_data.reading.root_files import find_tree, open_file, told_as_damage
from xec_data.schema.checksums import CHECKSUMS_KEY, TreeChecksums

_AT_MOST = 128
"""Maximal number of open files; each takes a file descriptor and a sleeping thread."""

_SHARE_OF_DESCRIPTORS = 8
"""A reader uses at most one in so many of the file descriptors of a process."""


class OpenTrees:
    """The trees of one name in the files used last; a process that was forked opens them again.

    They are closed with the last reader that shares them, if not before.

    Parameters
    ----------
    tree_name
        Name of the tree.
    """

    def __init__(self, tree_name: str) -> None:
        self.tree_name = tree_name
        self._forget()

    def __getitem__(self, path: Path) -> Any:
        self._leave_to_parent()
        if path in self._opened:
            self._opened.move_to_end(path)
        else:
            file = open_file(path)
            try:
                tree = find_tree(file, path, self.tree_name)
                with told_as_damage(f"{path}: the checksums of tree '{self.tree_name}'"):
                    checksums = _checksums(file, tree)
            except BaseException:
                file.close()
                raise
            self._opened[path] = file, tree, checksums
            if len(self._opened) > _most_open():
                self._opened.popitem(last=False)[1][0].close()
        return self._opened[path][1]

    def checksums(self, path: Path) -> TreeChecksums | None:
        """Return the checksums of a tree; None if its file has none."""
        self[path]
        return self._opened[path][2]

    def close(self) -> None:
        """Close all of them. They are opened again when they are asked for."""
        self._leave_to_parent()
        for file, _, _ in self._opened.values():
            file.close()
        self._opened.clear()

    def __del__(self) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        return {"tree_name": self.tree_name}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def _leave_to_parent(self) -> None:
        if self._process != os.getpid():
            self._forget()

    def _forget(self) -> None:
        self._process = os.getpid()
        self._opened: OrderedDict[Path, tuple[Any, Any, TreeChecksums | None]] = OrderedDict()


def _checksums(file: Any, tree: Any) -> TreeChecksums | None:
    if f"{CHECKSUMS_KEY};1" not in file.keys():  # noqa: SIM118 (a file of uproot is no dictionary)
        return None
    return TreeChecksums.from_text(str(file[CHECKSUMS_KEY]), int(tree.num_entries))


def _most_open() -> int:
    try:
        from resource import RLIMIT_NOFILE, getrlimit
    except ImportError:
        # Windows counts no descriptors.
        return _AT_MOST
    allowed = getrlimit(RLIMIT_NOFILE)[0]
    return max(1, min(_AT_MOST, allowed // _SHARE_OF_DESCRIPTORS)) if allowed > 0 else _AT_MOST
