"""The solid angle of a SiPM: square chips side by side in one plane."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from xec_geometry.detector import parameters as p
from xec_geometry.support.arrays import FloatArray

_Interval = tuple[float, float]


def chip_edges() -> tuple[_Interval, ...]:
    """Return lower and upper edge of each chip along one side of a SiPM, in cm from its centre."""
    pitch = p.CHIP_SIDE + p.CHIP_GAP
    centers = [pitch * (i - (p.CHIPS_PER_SIDE - 1) / 2) for i in range(p.CHIPS_PER_SIDE)]
    return tuple((center - p.CHIP_SIDE / 2, center + p.CHIP_SIDE / 2) for center in centers)


def chips_solid_angle(x: FloatArray, y: FloatArray, d: FloatArray) -> FloatArray:
    """Return the solid angle of all chips of a SiPM together.

    Parameters
    ----------
    x, y, d
        (…) coordinates of the point in cm: along the SiPM's sides, from its centre, and in front of
        it, d ≥ 0.

    Returns
    -------
    numpy.ndarray
        (…) float64, steradian. For d = 0 the limit from the front: 2π on a chip, 0 beside it.
    """
    edges = chip_edges()
    return rectangles_solid_angle(x, y, d, [(along_x, along_y) for along_x in edges for along_y in edges])


def rectangles_solid_angle(
    x: FloatArray, y: FloatArray, d: FloatArray, rectangles: list[tuple[_Interval, _Interval]]
) -> FloatArray:
    """Return the solid angle of rectangles in one plane that do not overlap.

    Parameters
    ----------
    x, y, d
        (…) coordinates of the point, d ≥ 0 in front of the plane.
    rectangles
        The extents of each along x and y.

    Returns
    -------
    numpy.ndarray
        (…) float64, steradian.

    Notes
    -----
    A rectangle is two triangles, each with half a solid angle of arctan2(height, base) (van Oosterom
    and Strackee 1983), a form that loses no digits far away. The arguments of complex numbers add
    when these are multiplied, and together stay below π: one arctan2 does for all triangles.
    """
    in_front = d > 0
    height = np.where(in_front, d, 1.0)
    real, imaginary = np.ones_like(height), np.zeros_like(height)
    for x_edges, y_edges in rectangles:
        for up, base in _triangles(x, y, height, x_edges, y_edges):
            real, imaginary = real * base - imaginary * up, real * up + imaginary * base
    half = np.arctan2(imaginary, real)
    # Just above a chip the sum is π up to rounding, where arctan2 may turn over to −π.
    half = np.where(half < 0, half + 2 * np.pi, half)
    return 2 * np.where(in_front, half, 0.0) + np.where(in_front, 0.0, _touching(x, y, rectangles))


def _triangles(
    x: FloatArray, y: FloatArray, d: FloatArray, x_edges: _Interval, y_edges: _Interval
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Yield triple product and base of the unit vectors to the corners of a rectangle's two triangles."""
    x0, x1 = (edge - x for edge in x_edges)
    y0, y1 = (edge - y for edge in y_edges)
    xx0, xx1, yy0, yy1, dd = x0 * x0, x1 * x1, y0 * y0, y1 * y1, d * d
    near0, near1 = yy0 + dd, yy1 + dd
    # One over the distance of each corner, named by its edges in x and y.
    q00, q10 = 1 / np.sqrt(xx0 + near0), 1 / np.sqrt(xx1 + near0)
    q01, q11 = 1 / np.sqrt(xx0 + near1), 1 / np.sqrt(xx1 + near1)
    xx, yy_dd = x0 * x1, y0 * y1 + dd
    diagonal = (xx + yy_dd) * q00 * q11
    volume = d * ((x_edges[1] - x_edges[0]) * (y_edges[1] - y_edges[0])) * q00 * q11
    yield volume * q10, 1 + diagonal + (xx + near0) * q00 * q10 + (xx1 + yy_dd) * q10 * q11
    yield volume * q01, 1 + diagonal + (xx + near1) * q01 * q11 + (xx0 + yy_dd) * q00 * q01


def _touching(x: FloatArray, y: FloatArray, rectangles: list[tuple[_Interval, _Interval]]) -> FloatArray:
    """Return the limit for points in the plane: 2π inside, half of it on a side, a quarter on a corner."""
    parts = [_inside(x, x_edges) * _inside(y, y_edges) for x_edges, y_edges in rectangles]
    return np.asarray(2 * np.pi * np.sum(parts, axis=0))


def _inside(x: FloatArray, edges: _Interval) -> FloatArray:
    """Return 1 between the edges, ½ on them, 0 beyond."""
    return (np.sign(x - edges[0]) - np.sign(x - edges[1])) / 2
