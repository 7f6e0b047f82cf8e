"""Temporary files of processes that were killed: they are told by their names and removed."""

from __future__ import annotations

import hashlib
import os
import re
import socket
from contextlib import suppress
from pathlib import Path

_LONGEST_SUFFIX = 20


def temporary_name(path: Path, token: str) -> str:
    """Name a temporary file for `path`: hidden, with its suffix, and who writes it.

    Parameters
    ----------
    path
        The file that it will become.
    token
        Makes it unique.
    """
    suffix = path.suffix if len(path.suffix) <= _LONGEST_SUFFIX else ""
    return f"{_prefix(path)}{os.getpid()}-{token}{suffix}"


def remove_leftovers(path: Path) -> list[Path]:
    """Remove temporary files for `path` whose processes, of this machine, are gone; return them."""
    removed = []
    prefix = _prefix(path)
    pattern = re.compile(re.escape(prefix) + r"(\d+)-[0-9a-f]+")
    try:
        names = [entry.name for entry in os.scandir(path.parent) if entry.name.startswith(prefix)]
    except OSError:
        return []
    for name in names:
        found = pattern.match(name)
        if found is not None and not is_alive(int(found[1])):
            with suppress(OSError):
                path.with_name(name).unlink()
                removed.append(path.with_name(name))
    return removed


def is_alive(pid: int) -> bool:
    """Return whether there is a process of a number on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _prefix(path: Path) -> str:
    # The name itself may be as long as a name can be.
    digest = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:12]
    host = re.sub(r"[^\w.]", "_", socket.gethostname())[:40]
    return f".xec-{digest}-{host}-"
