"""The control groups of Linux that limit a process: those of a container, or of a job of a batch system."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

OWN_GROUPS = Path("/proc/self/cgroup")
ROOT = Path("/sys/fs/cgroup")


def control_groups(
    controller: str, own_groups: Path = OWN_GROUPS, root: Path = ROOT
) -> Iterator[tuple[Path, int]]:
    """Yield the groups that limit this process, and those above them, which limit it too.

    Parameters
    ----------
    controller
        What is limited, in the words of version 1: ``memory``, ``cpu``.
    own_groups
        The file that lists the groups.
    root
        Where control groups are mounted.

    Yields
    ------
    tuple of Path, int
        A folder, which may not exist, and the version (1 or 2) of its files.
    """
    try:
        lines = own_groups.read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            yield from ((folder, 2) for folder in _upwards(root, path))
            yield from ((folder, 2) for folder in _upwards(root / "unified", path))
        elif controller in controllers.split(","):
            yield from ((folder, 1) for folder in _upwards(root / controller, path))
    if not lines:
        yield from ((root, 2), (root / controller, 1))


def _upwards(mounted: Path, path: str) -> Iterator[Path]:
    # Within a container the path may be that of the machine, where only the top is the container's own.
    folder = mounted / path.lstrip("/")
    yield folder
    while folder != mounted and mounted in folder.parents:
        folder = folder.parent
        yield folder
