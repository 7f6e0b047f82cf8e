"""Error about an event file."""

from __future__ import annotations

from pathlib import Path

from xec_geometry.errors import XecError


class DataError(XecError):
    """A file, tree, branch or entry that is missing, damaged or not as expected.

    The message is one line: file, tree, branch and entry as far as they apply, what was found and
    what was expected, and the nearest valid name.
    """


class EntryLengthError(DataError):
    """An entry with another number of values than the schema's branch has."""


class EmptyTreeError(DataError):
    """A tree without events.

    Attributes
    ----------
    path
        Its file.
    """

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path
