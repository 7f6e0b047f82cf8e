"""Memory that a control group leaves to this process: that of a container, or of a job of a batch system."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_OWN_GROUPS = Path("/proc/self/cgroup")
_ROOT = Path("/sys/fs/cgroup")


class _Files(NamedTuple):
    """Names of the files of a control group, and of the pages in memory that files take up."""

    limit: str
    used: str
    cached: tuple[str, ...]


_VERSION_1 = _Files(
    "memory.limit_in_bytes", "memory.usage_in_bytes", ("total_active_file", "total_inactive_file")
)
_VERSION_2 = _Files("memory.max", "memory.current", ("active_file", "inactive_file"))


def container_memory(own_groups: Path = _OWN_GROUPS, root: Path = _ROOT) -> int | None:
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
        for folder, files in _groups(own_groups, root)
        if (amount := _left_in(folder, files)) is not None
    ]
    return min(amounts, default=None)


def _groups(own_groups: Path, root: Path) -> Iterator[tuple[Path, _Files]]:
    """Yield the groups with limits of memory, and those above them, which limit it too."""
    try:
        lines = own_groups.read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            yield from ((folder, _VERSION_2) for folder in _upwards(root, path))
            yield from ((folder, _VERSION_2) for folder in _upwards(root / "unified", path))
        elif "memory" in controllers.split(","):
            yield from ((folder, _VERSION_1) for folder in _upwards(root / "memory", path))
    if not lines:
        yield from ((root, _VERSION_2), (root / "memory", _VERSION_1))


def _upwards(mounted: Path, path: str) -> Iterator[Path]:
    # Within a container the path may be that of the machine, where only the top is the container's own.
    folder = mounted / path.lstrip("/")
    yield folder
    while folder != mounted and mounted in folder.parents:
        folder = folder.parent
        yield folder


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
