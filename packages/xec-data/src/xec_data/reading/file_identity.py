"""Files that must stay what they are while they are read: several openings have to see the same events."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from xec_data.errors import DataError
from xec_data.reading.file_paths import told_if_unreadable
from xec_geometry.errors import XecError


class FileIdentity(NamedTuple):
    """What tells a file from another one that takes its place.

    Attributes
    ----------
    size
        Bytes.
    modified
        Time of the last change, nanoseconds.
    """

    # No number of an inode: some network file systems give a file another one from time to time.
    size: int
    modified: int

    def __str__(self) -> str:
        when = datetime.fromtimestamp(self.modified / 1e9)
        return f"{self.size} bytes of {when:%Y-%m-%d %H:%M:%S.%f}"


def identity_of(path: Path) -> FileIdentity:
    """Return the identity of a file.

    Raises
    ------
    DataError
        If there is no such file any more, or it cannot be looked at.
    """
    with told_if_unreadable(path):
        status = path.stat()
    return FileIdentity(status.st_size, status.st_mtime_ns)


@contextmanager
def unchanged(path: Path, before: FileIdentity | None = None) -> Iterator[None]:
    """Make sure that a file is still the same one when the block has ended, in which it is read.

    Damage that was found in the block is told as the change that it is, if the file has changed.

    Parameters
    ----------
    path
        The file.
    before
        What it has to be; by default what it is when the block begins.

    Raises
    ------
    DataError
        If it has been removed, replaced, or written to.
    """
    before = before or identity_of(path)
    try:
        yield
    except XecError:
        _check_same(path, before)
        raise
    _check_same(path, before)


def _check_same(path: Path, before: FileIdentity) -> None:
    now = identity_of(path)
    if now != before:
        raise DataError(
            f"{path} was changed while it was in use: it has {now}, before {before}; expected a file that "
            "stays as it is until this command ends"
        )
