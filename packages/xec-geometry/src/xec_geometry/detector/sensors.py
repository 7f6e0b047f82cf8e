"""Nominal positions, normals, kinds and areas of the sensors, from the parameters."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from xec_geometry.detector import parameters as p
from xec_geometry.detector.faces import FACE_TABLE, face_ids, group_ids
from xec_geometry.support.arrays import FloatArray, StrArray, read_only
from xec_geometry.support.caching import cache

_Placed = tuple[FloatArray, FloatArray]


@cache
def sensor_positions() -> FloatArray:
    """Return the nominal positions of all sensors.

    Returns
    -------
    numpy.ndarray
        (N_SENSORS, 3) float64 (x, y, z) in cm, read-only; the row is the sensor id. Computed from
        the parameters of the detector's nominal table, which they reproduce to 0.001 cm.
    """
    return read_only(_placed()[0])


@cache
def sensor_normals() -> FloatArray:
    """Return the nominal unit normals of all sensors, which point into the xenon.

    Returns
    -------
    numpy.ndarray
        (N_SENSORS, 3) float64, read-only.
    """
    return read_only(_placed()[1])


@cache
def sensor_kinds() -> StrArray:
    """Return the kind of every sensor, ``SiPM`` or ``PMT``, (N_SENSORS,) str, read-only."""
    kinds = np.full(p.N_SENSORS, "PMT", dtype="<U4")
    for face in FACE_TABLE.values():
        kinds[face_ids(face.name)] = face.kind
    return read_only(kinds)


@cache
def sensor_areas() -> FloatArray:
    """Return the active area of every sensor in cm², (N_SENSORS,) float64, read-only.

    A SiPM counts its chips without the gaps between them, a PMT its photocathode.
    """
    sipm = (p.CHIPS_PER_SIDE * p.CHIP_SIDE) ** 2
    return read_only(np.where(sensor_kinds() == "SiPM", sipm, np.pi * p.PMT_RADIUS**2))


@cache
def _placed() -> _Placed:
    positions = np.full((p.N_SENSORS, 3), np.nan)
    normals = np.full((p.N_SENSORS, 3), np.nan)
    for group, place in _GROUPS.items():
        positions[group_ids(group)], normals[group_ids(group)] = place()
    # The patch comes last: its positions replace the coarse ones of the PMTs that both have.
    patch = np.array(p.CENTER_IDS)
    positions[patch], normals[patch] = _center_patch()
    return positions, normals


def _vectors(x: FloatArray, y: FloatArray, z: FloatArray | float) -> FloatArray:
    return np.stack(np.broadcast_arrays(x, y, z), axis=-1)


def _radial(phi_degrees: FloatArray | float) -> FloatArray:
    phi = np.deg2rad(np.asarray(phi_degrees, dtype=np.float64))
    return _vectors(np.cos(phi), np.sin(phi), 0.0)


def _at(phi_degrees: FloatArray, radius: FloatArray | float, z: FloatArray) -> FloatArray:
    phi = np.deg2rad(phi_degrees)
    return _vectors(radius * np.cos(phi), radius * np.sin(phi), z)


def _strip_phi() -> FloatArray:
    return p.STRIP_PHI_FIRST + p.STRIP_PHI_STEP * np.arange(p.STRIPS, dtype=np.float64)


def _inner() -> _Placed:
    phi = np.linspace(p.INNER_PHI_FIRST, p.INNER_PHI_LAST, p.INNER_ROWS).repeat(p.INNER_COLUMNS)
    z = np.tile(np.linspace(-p.INNER_Z_LAST, p.INNER_Z_LAST, p.INNER_COLUMNS), p.INNER_ROWS)
    return _at(phi, p.INNER_RADIUS, z), _radial(phi)


def _outer_coarse() -> _Placed:
    phi = _strip_phi().repeat(p.OUTER_PER_STRIP)
    k = np.tile(np.arange(p.OUTER_PER_STRIP, dtype=np.float64), p.STRIPS)
    z = p.OUTER_Z_STEP * (k - (p.OUTER_PER_STRIP - 1) / 2)
    return _at(phi, p.OUTER_RADIUS, z), -_radial(phi)


def _center_patch() -> _Placed:
    columns = p.CENTER_PHI_FIRST + p.CENTER_PHI_STEP * np.arange(len(p.CENTER_IDS), dtype=np.float64)
    phi, z = np.meshgrid(columns, np.array(p.CENTER_Z), indexing="ij")
    return _at(phi, p.OUTER_RADIUS, z), -_radial(phi)


def _added() -> _Placed:
    ids = np.array(p.CENTER_IDS)
    added = np.isin(ids, group_ids("outer_added"))
    order = np.argsort(ids[added])
    positions, normals = _center_patch()
    return positions[added][order], normals[added][order]


def _side(z_sign: int) -> _Placed:
    phi = _strip_phi().repeat(p.SIDE_DEPTHS)
    k = np.tile(np.arange(p.SIDE_DEPTHS, dtype=np.float64), p.STRIPS)
    radius = p.SIDE_RADIUS_FIRST + p.SIDE_RADIUS_STEP * k
    z = z_sign * (p.SIDE_Z_FIRST + p.SIDE_Z_STEP * k)
    tilt = np.arctan2(p.SIDE_Z_STEP, p.SIDE_RADIUS_STEP)
    normals = np.sin(tilt) * _radial(phi)
    normals[:, 2] = -z_sign * np.cos(tilt)
    return _at(phi, radius, z), normals


def _hexagonal(phi: float, sign: int) -> _Placed:
    rows = np.repeat(np.arange(len(p.HEX_ROWS), dtype=np.float64), p.HEX_ROWS)
    z = np.concatenate([p.HEX_Z_STEP * (np.arange(n) - (n - 1) / 2) for n in p.HEX_ROWS])
    positions = _at(np.full(len(z), phi), p.HEX_RADIUS_FIRST + p.HEX_RADIUS_STEP * rows, z)
    radial = _radial(phi)
    return positions, sign * np.tile([-radial[1], radial[0], 0.0], (len(z), 1))


_GROUPS: dict[str, Callable[[], _Placed]] = {
    "inner": _inner,
    "outer_coarse": _outer_coarse,
    "us": lambda: _side(-1),
    "ds": lambda: _side(+1),
    "top": lambda: _hexagonal(p.TOP_PHI, +1),
    "bottom": lambda: _hexagonal(p.BOTTOM_PHI, -1),
    "outer_added": _added,
}
