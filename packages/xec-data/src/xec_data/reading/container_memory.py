"""Memory that a control group leaves to this process: that of a container, or of a job of a batch system."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from xec_geometry.support.control_groups import OWN_GROUPS, ROOT, control_groups


class _Files(NamedTuple):
    """Names of the files of a control group, and of the pages in memory that files take up."""

    limit: str
    used: str
    cached: tuple[str, ...]


_FILES = {
    1: _Files("memory.limit_in_bytes", "memory.usage_in_bytes", ("total_active_file", "total_inactive_file")),
    2: _Files("memory.max", "memory.current", ("active_file", "inactive_file")),
}
"""By the version of control groups."""


def container_memory(own_groups: Path = OWN_GROUPS, root: Path = ROOT) -> int | None:
    """Return the bytes that the control groups of this process still allow it; None without a limit.

    Parameters
    ----------
    own_groups
        The file that lists the groups.
    root
        Where control groups are mounted.
    """
    amounts = [
        amount
        for folder, version in control_groups("memory", own_groups, root)
        if (amount := _left_in(folder, _FILES[version])) is not None
    ]
    return min(amounts, default=None)


def _left_in(folder: Path, files: _Files) -> int | None:
    limit, used = _number_in(folder / files.limit), _number_in(folder / files.used)
    if limit is None or used is None:
        return None
    # Pages of files count as used, but are given back when memory is needed.
    return max(0, limit - max(0, used - _cached(folder / "memory.stat", files.cached)))


def _cached(path: Path, names: tuple[str, ...]) -> int:
    try:
        rows = dict(line.split(maxsplit=1) for line in path.read_text().splitlines())
        return sum(int(rows.get(name, 0)) for name in names)
    except (OSError, ValueError):
        return 0


def _number_in(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        # No such control group, or the word "max".
        return None
