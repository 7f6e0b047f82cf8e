"""The two ways in which networks see the sensors."""

from __future__ import annotations

from typing import Literal, get_args

from xec_geometry.errors import GeometryError, did_you_mean

Layout = Literal["physical", "xec-ml-wl"]
"""`physical` follows the positions; `xec-ml-wl` keeps the maps of the earlier system's networks."""

LAYOUTS: tuple[Layout, ...] = get_args(Layout)


def check_layout(layout: str) -> Layout:
    """Return `layout` if there is one of that name.

    Raises
    ------
    GeometryError
        If there is none; the message lists the valid ones.
    """
    for known in LAYOUTS:
        if layout == known:
            return known
    raise GeometryError(
        f"unknown layout {layout!r}{did_you_mean(str(layout), LAYOUTS)}; expected one of {', '.join(LAYOUTS)}"
    )
