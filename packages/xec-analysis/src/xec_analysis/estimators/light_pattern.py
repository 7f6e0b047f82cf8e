"""The pattern of an event's light: its centre, width and amount."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from xec_data.schema.branches import is_invalid
from xec_geometry import (
    FACES,
    N_SENSORS,
    face_ids,
    index_map,
    outer_fine_grid,
    sensor_areas,
    sensor_positions,
    xyz_to_uvw,
)
from xec_geometry.detector import parameters as geometry

Floats = NDArray[np.float64]

# The window of the centroid narrows from the size of a shower to two sensors, in cm.
_WINDOWS = (8.0, 5.0, 3.5, 2.5)
_STEPS_PER_WINDOW = 2
_NARROW, _WIDE = 2.5, 12.0

# Events at a time: a few images of the inner face of each are alive at once.
_BLOCK = 250


@dataclass(frozen=True)
class LightPattern:
    """Centre, width and amount of the light of n events.

    Attributes
    ----------
    u, v
        Centre on the inner face, (n,) in cm.
    shape
        Logarithms of widths, from which the depth is estimated, (n, k).
    photons
        Amount of light, (n,).
    """

    u: Floats
    v: Floats
    shape: Floats
    photons: Floats


def summed_pattern(npho: NDArray[np.floating]) -> LightPattern:
    """Measure the light by plain sums: mean and spread over the inner face, all photons of all sensors.

    Parameters
    ----------
    npho
        (n, N_SENSORS) raw photon counts; invalid readings count as nothing.

    Returns
    -------
    LightPattern
        Its shape is the log of the mean squared distance from the centre. NaN for events without light
        on the inner face.
    """
    return _in_blocks(_sum, npho)


def windowed_pattern(npho: NDArray[np.floating]) -> LightPattern:
    """Measure the light around its peak, and correct for the wall that the sensors do not cover.

    The centre is the charge-weighted mean in a window that follows it and narrows. Each sensor's photons
    are scaled to the wall that it represents. Sensors without a valid reading are replaced by their
    neighbours on the inner face, and by the mean of their face elsewhere.

    Parameters
    ----------
    npho
        (n, N_SENSORS) raw photon counts.

    Returns
    -------
    LightPattern
        Its shape is the log of the share of the light near the centre that lies within two sensors of it,
        and the log of the mean squared distance in a wide window. NaN for events without light on the
        inner face.
    """
    return _in_blocks(_measure, npho)


@cache
def wall_per_sensor() -> Floats:
    """Return the area of wall that each sensor represents over its active area, (N_SENSORS,)."""
    wall = np.empty(N_SENSORS)
    radius = np.hypot(*sensor_positions()[:, :2].T)
    phi_pitch = (geometry.INNER_PHI_LAST - geometry.INNER_PHI_FIRST) / (geometry.INNER_ROWS - 1)
    z_pitch = 2 * geometry.INNER_Z_LAST / (geometry.INNER_COLUMNS - 1)
    wall[face_ids("inner")] = geometry.INNER_RADIUS * np.radians(phi_pitch) * z_pitch
    strip = radius * np.radians(geometry.STRIP_PHI_STEP)
    side = strip * np.hypot(geometry.SIDE_RADIUS_STEP, geometry.SIDE_Z_STEP)
    for face in ("us", "ds"):
        wall[face_ids(face)] = side[face_ids(face)]
    # A PMT of the outer face represents the fine cells that it covers.
    fine_cell = strip * geometry.OUTER_Z_STEP / np.prod(geometry.COARSE_CELL)
    cells = np.bincount(outer_fine_grid().sensor[:, 0], minlength=N_SENSORS)
    outer = face_ids("outer")
    wall[outer] = (cells * fine_cell)[outer]
    for hexagonal in (face_ids("top"), face_ids("bottom")):
        wall[hexagonal] = geometry.HEX_Z_STEP * geometry.HEX_RADIUS_STEP
    weights: Floats = wall / sensor_areas()
    return weights


@cache
def _inner_axes() -> tuple[Floats, Floats]:
    """The u of the columns and the v of the rows of the inner face."""
    uvw = xyz_to_uvw(sensor_positions()[index_map("inner")])
    return np.asarray(uvw[0, :, 0]), np.asarray(uvw[:, 0, 1])


def _in_blocks(measure: Callable[[NDArray[np.floating]], Floats], npho: NDArray[np.floating]) -> LightPattern:
    """Apply a function that returns u, v, photons and then the shape, one per row."""
    parts = [measure(np.asarray(npho[i : i + _BLOCK])) for i in range(0, len(npho), _BLOCK)]
    rows = np.concatenate(parts or [measure(np.zeros((1, N_SENSORS)))[:, :0]], axis=1)
    return LightPattern(u=rows[0], v=rows[1], photons=rows[2], shape=rows[3:].T)


def _sum(npho: NDArray[np.floating]) -> Floats:
    counts = np.where(is_invalid(npho), 0.0, npho).astype(np.float64)
    grid, (columns, rows) = index_map("inner"), _inner_axes()
    image = np.maximum(counts[:, grid], 0.0)
    along_u, along_v = image.sum(axis=1), image.sum(axis=2)
    total = along_u.sum(axis=1)
    lit = np.asarray(total > 0)
    light = np.where(lit, total, 1.0)
    u, v = along_u @ columns / light, along_v @ rows / light
    square = (along_u @ columns**2 + along_v @ rows**2) / light - u**2 - v**2
    return _where_lit(np.stack([u, v, counts.sum(axis=1), np.log(np.maximum(square, 1e-6))]), lit)


def _measure(npho: NDArray[np.floating]) -> Floats:
    valid = ~is_invalid(npho)
    counts = np.where(valid, npho, 0.0).astype(np.float64)
    grid = index_map("inner")
    image = _without_holes(counts[:, grid], valid[:, grid])
    photons = _on_all_walls(image, counts, valid)
    # Negative counts are noise: they would let a centre of gravity run away.
    image = np.maximum(image, 0.0)
    lit = np.asarray(image.any(axis=(1, 2)))
    image[~lit] = 1.0
    u, v = _centre(image)
    narrow, _ = _window_moments(image, u, v, _NARROW)
    wide, square = _window_moments(image, u, v, _WIDE)
    return _where_lit(np.stack([u, v, photons, np.log(narrow / wide), np.log(square)]), lit)


def _where_lit(rows: Floats, lit: NDArray[np.bool_]) -> Floats:
    return np.asarray(np.where(lit, rows, np.nan))


def _on_all_walls(image: Floats, counts: Floats, valid: NDArray[np.bool_]) -> Floats:
    """Sum the photons on all walls, each face extrapolated from its sensors with a reading."""
    weights = wall_per_sensor()
    photons: Floats = np.einsum("nvu,vu->n", image, weights[index_map("inner")])
    for face in FACES:
        if face != "inner":
            ids = face_ids(face)
            seen = valid[:, ids] @ weights[ids]
            scale = np.divide(weights[ids].sum(), seen, out=np.zeros(len(counts)), where=seen > 0)
            photons += counts[:, ids] @ weights[ids] * scale
    return photons


def _without_holes(image: Floats, valid: NDArray[np.bool_]) -> Floats:
    """Fill pixels without a reading with the mean of their valid neighbours; zero if there are none."""
    total, number = _box_sum(image), _box_sum(valid.astype(np.float64))
    return np.where(valid, image, total / np.maximum(number, 1.0))


def _box_sum(image: Floats) -> Floats:
    """Sum over 3 × 3 pixels around each."""
    rows = np.pad(image, ((0, 0), (1, 1), (0, 0)))
    rows = rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]
    both = np.pad(rows, ((0, 0), (0, 0), (1, 1)))
    total: Floats = both[:, :, :-2] + both[:, :, 1:-1] + both[:, :, 2:]
    return total


def _centre(image: Floats) -> tuple[Floats, Floats]:
    """Charge-weighted centre in a Gaussian window that follows it and narrows."""
    columns, rows = _inner_axes()
    brightest = _box_sum(image).reshape(len(image), -1).argmax(axis=1)
    row, column = np.unravel_index(brightest, image.shape[1:])
    u, v = columns[column], rows[row]
    for width in _WINDOWS:
        for _ in range(_STEPS_PER_WINDOW):
            along_u, along_v = _window(columns, u, width), _window(rows, v, width)
            profile_u = np.einsum("nvu,nv->nu", image, along_v) * along_u
            profile_v = np.einsum("nvu,nu->nv", image, along_u) * along_v
            u = _mean(profile_u, columns, u)
            v = _mean(profile_v, rows, v)
    return u, v


def _window(axis: Floats, centre: Floats, width: float) -> Floats:
    return np.asarray(np.exp(-0.5 * ((axis - centre[:, np.newaxis]) / width) ** 2))


def _mean(profile: Floats, axis: Floats, otherwise: Floats) -> Floats:
    total = profile.sum(axis=1)
    mean: Floats = np.divide(profile @ axis, total, out=otherwise.copy(), where=total > 0)
    return mean


def _window_moments(image: Floats, u: Floats, v: Floats, width: float) -> tuple[Floats, Floats]:
    """Light in a Gaussian window, and its mean squared distance from the centre."""
    columns, rows = _inner_axes()
    along_u, along_v = _window(columns, u, width), _window(rows, v, width)
    profile_u = np.einsum("nvu,nv->nu", image, along_v) * along_u
    profile_v = np.einsum("nvu,nu->nv", image, along_u) * along_v
    light = np.maximum(profile_u.sum(axis=1), np.finfo(np.float64).tiny)
    square = (profile_u * (columns - u[:, np.newaxis]) ** 2).sum(axis=1)
    square += (profile_v * (rows - v[:, np.newaxis]) ** 2).sum(axis=1)
    return light, np.maximum(square / light, 1e-6)
