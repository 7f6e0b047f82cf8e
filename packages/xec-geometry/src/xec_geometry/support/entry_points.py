"""Entry points of installed packages, whose metadata are read once for all groups."""

from __future__ import annotations

import importlib.metadata
import sys
from importlib.metadata import EntryPoints
from typing import Any

from xec_geometry.support.caching import cache


def entry_points(group: str) -> EntryPoints:
    """Return the entry points of a group, as `importlib.metadata.entry_points` does.

    That looks through all installed packages again for each group.
    """
    points: EntryPoints = _installed(tuple(sys.path)).select(group=group)
    return points


@cache
def _installed(_path: tuple[str, ...]) -> Any:
    return importlib.metadata.entry_points()
