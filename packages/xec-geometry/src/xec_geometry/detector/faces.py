"""Faces of the detector: their sensors, and the order in which a network sees them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from types import MappingProxyType

import numpy as np

from xec_geometry.detector import parameters as p
from xec_geometry.detector.names import FACES, GRIDS, FaceName, GridName, Layout, SensorKind, check_layout
from xec_geometry.errors import GeometryError, did_you_mean
from xec_geometry.support.arrays import IntArray, read_only
from xec_geometry.support.caching import cache


@dataclass(frozen=True)
class Face:
    """One face of the detector.

    Attributes
    ----------
    name
        As used everywhere in xec.
    title
        For tables and pictures.
    kind
        Of its sensors: ``SiPM`` or ``PMT``.
    groups
        The groups of consecutive ids that it is made of.
    grids
        The names that `index_map` accepts for it.
    axes
        What runs along the rows and the columns of its grid.
    """

    name: FaceName
    title: str
    kind: SensorKind
    groups: tuple[str, ...]
    grids: tuple[GridName, ...]
    axes: str


FACE_TABLE: MappingProxyType[str, Face] = MappingProxyType(
    {
        face.name: face
        for face in (
            Face("inner", "inner", "SiPM", ("inner",), ("inner",), "φ × z"),
            Face("us", "upstream", "PMT", ("us",), ("us",), "φ × depth"),
            Face("ds", "downstream", "PMT", ("ds",), ("ds",), "φ × depth"),
            Face(
                "outer",
                "outer",
                "PMT",
                ("outer_coarse", "outer_added"),
                ("outer", "outer_coarse", "outer_center"),
                "z × φ",
            ),
            Face("top", "top", "PMT", ("top",), ("top",), "hexagonal rows"),
            Face("bottom", "bottom", "PMT", ("bottom",), ("bottom",), "hexagonal rows"),
        )
    }
)


def group_ids(group: str) -> IntArray:
    """Return the consecutive ids of a group of `parameters.GROUP_SIZES`."""
    stops = dict(zip(p.GROUP_SIZES, accumulate(p.GROUP_SIZES.values()), strict=True))
    return np.arange(stops[group] - p.GROUP_SIZES[group], stops[group], dtype=np.int64)


@cache
def face_ids(name: GridName) -> IntArray:
    """Return the ids of the sensors of a face.

    Parameters
    ----------
    name
        One of `FACES`, or ``outer_coarse`` or ``outer_center`` for the two grids of the outer face
        (which share 12 sensors).

    Returns
    -------
    numpy.ndarray
        (n,) int64, ascending, read-only. ``outer`` has all its sensors, the centre patch included.

    Raises
    ------
    GeometryError
        If there is no such face.
    """
    _check_grid(name)
    if name == "outer_center":
        return read_only(np.sort(np.array(p.CENTER_IDS, dtype=np.int64), axis=None))
    groups = FACE_TABLE[name].groups if name in FACE_TABLE else (name,)
    return read_only(np.sort(np.concatenate([group_ids(group) for group in groups])))


@cache
def index_map(name: GridName, layout: Layout = "physical") -> IntArray:
    """Return the sensor ids of a face in the shape that a network sees.

    Parameters
    ----------
    name
        One of `GRIDS`.
    layout
        ``physical`` or ``xec-ml-wl``.

    Returns
    -------
    numpy.ndarray
        int64, read-only: inner (φ, z); us and ds (φ, depth); outer_coarse and outer_center (z, φ);
        outer: the fine grid (z, φ) with the id of the sensor whose cell it is; top and bottom (nodes,).

    Raises
    ------
    GeometryError
        If there is no such face or layout.
    """
    _check_grid(name)
    return read_only(_MAPS[name](check_layout(layout)))


@cache
def face_of_sensor() -> IntArray:
    """Return the index of every sensor's face in `FACES`, (N_SENSORS,) int64, read-only."""
    faces = np.full(p.N_SENSORS, -1, dtype=np.int64)
    for number, name in enumerate(FACES):
        faces[face_ids(name)] = number
    return read_only(faces)


def id_ranges(ids: IntArray) -> str:
    """Write ascending ids as ranges, e.g. ``0–3, 7–9``."""
    parts = np.split(ids, np.flatnonzero(np.diff(ids) > 1) + 1)
    return ", ".join(f"{part[0]}–{part[-1]}" for part in parts)


def _check_grid(name: str) -> None:
    if name not in GRIDS:
        raise GeometryError(
            f"unknown face {name!r}{did_you_mean(str(name), GRIDS)}; expected one of {', '.join(GRIDS)}"
        )


def _rows_of(name: GridName, columns: int) -> Callable[[Layout], IntArray]:
    return lambda layout: face_ids(name).reshape(-1, columns)  # noqa: ARG005


def _outer_coarse(layout: Layout) -> IntArray:
    ids = face_ids("outer_coarse")
    if layout == "xec-ml-wl":
        # Its networks were trained on the ids in plain row order, although they run along z first.
        return ids.reshape(p.OUTER_PER_STRIP, p.STRIPS)
    return ids.reshape(p.STRIPS, p.OUTER_PER_STRIP).T


def _outer_center(layout: Layout) -> IntArray:  # noqa: ARG001
    return np.array(p.CENTER_IDS, dtype=np.int64).T


def _outer_fine(layout: Layout) -> IntArray:
    fine = np.kron(_outer_coarse(layout), np.ones(p.COARSE_CELL, dtype=np.int64))
    center = np.kron(_outer_center(layout), np.ones(p.CENTER_CELL, dtype=np.int64))
    row, column = p.CENTER_FINE_ORIGIN
    fine[row : row + center.shape[0], column : column + center.shape[1]] = center
    return fine


_MAPS: dict[GridName, Callable[[Layout], IntArray]] = {
    "inner": _rows_of("inner", p.INNER_COLUMNS),
    "us": _rows_of("us", p.SIDE_DEPTHS),
    "ds": _rows_of("ds", p.SIDE_DEPTHS),
    "outer": _outer_fine,
    "outer_coarse": _outer_coarse,
    "outer_center": _outer_center,
    "top": lambda layout: face_ids("top"),  # noqa: ARG005
    "bottom": lambda layout: face_ids("bottom"),  # noqa: ARG005
}
