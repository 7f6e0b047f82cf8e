"""What one sees of an event's light without a network: where it is, how wide, and how much."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from xec_data.schema import is_invalid
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
from xec_geometry import parameters as geometry

Floats = NDArray[np.float64]

# The window of the centroid narrows from the size of a shower to two sensors, in cm.
_WINDOWS = (8.0, 5.0, 3.5, 2.5)
_STEPS_PER_WINDOW = 2
_NARROW, _WIDE = 2.5, 12.0

# Events at a time: a few images of the inner face of each are alive at once.
_BLOCK = 250


@dataclass(frozen=True)
class LightPattern:
    """A few numbers about the light of n events, each of shape (n,).

    Attributes
    ----------
    u, v
        Charge-weighted centre on the inner face, in cm.
    concentration
        log of the share of light near the centre that lies within two sensors of it.
    spread
        log of the mean squared distance from the centre, within a wide window, in cm².
    photons
        Photons on all walls: every sensor's count over the share of its wall that it covers.
    """

    u: Floats
    v: Floats
    concentration: Floats
    spread: Floats
    photons: Floats


def light_pattern(npho: NDArray[np.floating]) -> LightPattern:
    """Measure the pattern of light.

    Sensors without a valid reading are replaced by their neighbours on the inner face, and by the mean of
    their face elsewhere.

    Parameters
    ----------
    npho
        (n, N_SENSORS) raw photon counts.

    Returns
    -------
    LightPattern
        NaN for events without light on the inner face.
    """
    parts = [_measure(np.asarray(npho[i : i + _BLOCK])) for i in range(0, len(npho), _BLOCK)]
    if not parts:
        return LightPattern(*np.empty((5, 0)))
    return LightPattern(*np.concatenate(parts, axis=1))


@cache
def wall_per_sensor() -> Floats:
    """Give the area of wall that each sensor stands for over its active area, (N_SENSORS,)."""
    wall = np.empty(N_SENSORS)
    radius = np.hypot(*sensor_positions()[:, :2].T)
    phi_pitch = (geometry.INNER_PHI_LAST - geometry.INNER_PHI_FIRST) / (geometry.INNER_ROWS - 1)
    z_pitch = 2 * geometry.INNER_Z_LAST / (geometry.INNER_COLUMNS - 1)
    wall[face_ids("inner")] = geometry.INNER_RADIUS * np.radians(phi_pitch) * z_pitch
    strip = radius * np.radians(geometry.STRIP_PHI_STEP)
    side = strip * np.hypot(geometry.SIDE_RADIUS_STEP, geometry.SIDE_Z_STEP)
    for face in ("us", "ds"):
        wall[face_ids(face)] = side[face_ids(face)]
    # A PMT of the outer face stands for as many fine cells as it covers.
    fine_cell = strip * geometry.OUTER_Z_STEP / np.prod(geometry.COARSE_CELL)
    cells = np.bincount(outer_fine_grid().sensor[:, 0], minlength=N_SENSORS)
    outer = face_ids("outer")
    wall[outer] = (cells * fine_cell)[outer]
    for face in ("top", "bottom"):
        wall[face_ids(face)] = geometry.HEX_Z_STEP * geometry.HEX_RADIUS_STEP
    weights: Floats = wall / sensor_areas()
    return weights


@cache
def _inner_axes() -> tuple[Floats, Floats]:
    """The u of the columns and the v of the rows of the inner face."""
    uvw = xyz_to_uvw(sensor_positions()[index_map("inner")])
    return np.asarray(uvw[0, :, 0]), np.asarray(uvw[:, 0, 1])


def _measure(npho: NDArray[np.floating]) -> Floats:
    valid = ~is_invalid(npho)
    counts = np.where(valid, npho, 0.0).astype(np.float64)
    grid = index_map("inner")
    image, photons = _without_holes(counts[:, grid], valid[:, grid]), np.zeros(len(npho))
    weights = wall_per_sensor()
    photons += np.einsum("nvu,vu->n", image, weights[grid])
    for face in FACES:
        if face != "inner":
            ids = face_ids(face)
            seen = valid[:, ids] @ weights[ids]
            total = counts[:, ids] @ weights[ids]
            photons += total * np.divide(weights[ids].sum(), seen, out=np.zeros(len(npho)), where=seen > 0)
    # Negative counts are noise: they would let a centre of gravity run away.
    image = np.maximum(image, 0.0)
    lit = image.any(axis=(1, 2))
    image[~lit] = 1.0
    u, v = _centre(image)
    narrow, _ = _window_moments(image, u, v, _NARROW)
    wide, square = _window_moments(image, u, v, _WIDE)
    pattern = np.stack([u, v, np.log(narrow / wide), np.log(square), photons])
    pattern[:, ~lit] = np.nan
    return pattern


def _without_holes(image: Floats, valid: NDArray[np.bool_]) -> Floats:
    """Give pixels without a reading the mean of their valid neighbours; holes within holes stay zero."""
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
