"""Trees that stay open: opening a file takes as long as reading hundreds of its events."""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path
from typing import Any

from xec_data.storage import find_tree, open_file

_AT_MOST = 32
"""Each takes a file descriptor and a thread that sleeps; processes have about a thousand."""


class OpenTrees:
    """The trees of one name in the files used last; a process that was forked opens them again.

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
            self._opened[path] = file, find_tree(file, path, self.tree_name)
            if len(self._opened) > _AT_MOST:
                self._opened.popitem(last=False)[1][0].close()
        return self._opened[path][1]

    def close(self) -> None:
        """Close all of them. They are opened again when they are asked for."""
        self._leave_to_parent()
        for file, _ in self._opened.values():
            file.close()
        self._opened.clear()

    def __getstate__(self) -> dict[str, Any]:
        return {"tree_name": self.tree_name}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def _leave_to_parent(self) -> None:
        if self._process != os.getpid():
            self._forget()

    def _forget(self) -> None:
        self._process = os.getpid()
        self._opened: OrderedDict[Path, tuple[Any, Any]] = OrderedDict()
