"""Input files that may be something else: a pipe that nobody writes into, a device without end."""

from __future__ import annotations

import os
import select
import stat
from pathlib import Path

from xec_geometry.errors import XecError

LONGEST_TEXT = 64 * 1024**2
"""Bytes of a text that people write; what has more is something else."""

_SECONDS_OF_SILENCE = 10.0
_AT_ONCE = 1 << 20
_KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


class InputError(XecError):
    """A file that cannot be read to its end."""


def special_kind(path: str | Path) -> str | None:
    """Return what a path stands for where that is neither a file nor a folder, such as ``a pipe``.

    Reading it may never end, and it can be read only once.
    """
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 (paths of users)
    except (OSError, ValueError):
        return None
    return next((kind for is_kind, kind in _KINDS if is_kind(mode)), None)


def read_text(path: str | Path, *, longest: int | None = LONGEST_TEXT) -> str:
    """Read a text in UTF-8 from a file, or from a pipe such as the shell's ``<(…)``; its ends of lines stay.

    Parameters
    ----------
    path
        The file. A byte-order mark at its beginning is left out.
    longest
        Bytes that it may have; None: any number.

    Raises
    ------
    InputError
        If it has more bytes, or nothing comes out of a pipe.
    OSError, UnicodeDecodeError
        If it cannot be read, or is no text.
    """
    # Opening a pipe would wait for somebody who writes into it.
    with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb", buffering=0) as file:
        parts: list[bytes] = []
        size = 0
        while part := _next_part(file.fileno(), path):
            parts.append(part)
            size += len(part)
            if longest is not None and size > longest:
                raise InputError(f"{path} has more than {longest >> 20} MB; expected a text")
        if not parts and stat.S_ISFIFO(os.fstat(file.fileno()).st_mode):
            raise InputError(f"{path}: nothing comes out of the pipe; expected a text")
    return b"".join(parts).decode("utf-8-sig")


def _next_part(descriptor: int, path: str | Path) -> bytes:
    while True:
        try:
            return os.read(descriptor, _AT_ONCE)
        except BlockingIOError:
            if not select.select([descriptor], [], [], _SECONDS_OF_SILENCE)[0]:
                raise InputError(
                    f"{path}: nothing comes out of the pipe for {_SECONDS_OF_SILENCE:g} s; expected a text"
                ) from None
