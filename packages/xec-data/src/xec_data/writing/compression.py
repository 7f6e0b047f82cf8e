"""Compression methods of ROOT files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import uproot

from xec_data.errors import DataError
from xec_geometry.errors import did_you_mean


@dataclass(frozen=True)
class Method:
    """A compression method.

    Attributes
    ----------
    kind
        The class of uproot, None for no compression.
    level
        The usual level.
    levels
        Smallest and largest level.
    """

    kind: Any
    level: int
    levels: tuple[int, int]


METHODS = {
    "zstd": Method(uproot.ZSTD, 3, (1, 22)),
    "lz4": Method(uproot.LZ4, 4, (1, 12)),
    "zlib": Method(uproot.ZLIB, 1, (1, 9)),
    "none": Method(None, 0, (0, 0)),
}
"""Name → method. ``zlib`` is readable by every ROOT; ``lz4`` is the fastest to read."""

FASTEST = "lz4"
"""Read about twice as fast as ``zstd``, for files that are a tenth larger."""


def compression_of(name: str, level: int | None = None) -> Any:
    """Return the compression object of uproot.

    Parameters
    ----------
    name
        A key of `METHODS`.
    level
        By default the method's usual one.

    Raises
    ------
    DataError
        If there is no such method, or it has no such level.
    """
    if name not in METHODS:
        raise DataError(f"compression '{name}'; expected {', '.join(METHODS)}{did_you_mean(name, METHODS)}")
    method = METHODS[name]
    level = method.level if level is None else level
    low, high = method.levels
    if not low <= level <= high:
        raise DataError(f"compression level {level} for {name}; expected {low} to {high}")
    return None if method.kind is None else method.kind(level)
