"""Names of faces, grids, layouts and kinds of sensors, as literal types for a type checker."""

from __future__ import annotations

from typing import Literal, get_args

from xec_geometry.errors import GeometryError, did_you_mean

FaceName = Literal["inner", "us", "ds", "outer", "top", "bottom"]

GridName = Literal["inner", "us", "ds", "outer", "outer_coarse", "outer_center", "top", "bottom"]
"""A face, or one of the two grids of the outer face."""

SensorKind = Literal["SiPM", "PMT"]

Layout = Literal["physical", "xec-ml-wl"]
"""`physical` follows the positions; `xec-ml-wl` keeps the maps of the earlier system's networks."""

FACES: tuple[FaceName, ...] = get_args(FaceName)
"""Names of the faces, in the order of a network's tokens."""

GRIDS: tuple[GridName, ...] = get_args(GridName)
"""Names that `face_ids` and `index_map` accept: the faces, and the two grids of the outer face."""

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
