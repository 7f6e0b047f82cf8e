"""What a table of positions was meant to be, if its sensors stand nowhere near their nominal places."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import permutations

import numpy as np

from xec_geometry.detector.coordinates import uvw_to_xyz
from xec_geometry.support.arrays import FloatArray, IntArray

_AXES = ("x", "y", "z")
_UVW = ("u", "v", "w")
# Meant so, half of the sensors are nearer than this many cm, or their normals turned by less than degrees.
_NEAR = 5.0
_LITTLE = 10.0

Reading = tuple[str, Callable[[FloatArray], FloatArray]]


def explain_positions(positions: FloatArray, nominal: FloatArray) -> str:
    """Tell in which unit, order or coordinates positions of a table fit their nominal places.

    Parameters
    ----------
    positions, nominal
        (n, 3) of the same sensors, cm; as they were read, and as they should about be.

    Returns
    -------
    str
        What they are and what to do, beginning with a semicolon; empty if nothing fits.
    """
    return _explain(_readings_of_positions(), positions, nominal, _distance, _NEAR)


def explain_normals(normals: FloatArray, nominal: FloatArray) -> str:
    """Tell in which order of the columns normals of a table fit the nominal ones; as `explain_positions`."""
    return _explain(_orders("n"), normals, nominal, median_turn, _LITTLE)


def median_turn(normals: FloatArray, nominal: FloatArray) -> float:
    """Return the angle between normals and the nominal ones that half of them exceed, degrees."""
    cosine = (normals * nominal).sum(axis=1).clip(-1, 1)
    return float(np.degrees(np.median(np.arccos(cosine))))


def _explain(
    readings: Iterator[Reading],
    found: FloatArray,
    nominal: FloatArray,
    measure: Callable[[FloatArray, FloatArray], float],
    limit: float,
) -> str:
    off = {text: measure(meant(found), nominal) for text, meant in readings}
    best = min(off, key=lambda text: off[text])
    return f"; {best}" if off[best] < limit else ""


def _distance(positions: FloatArray, nominal: FloatArray) -> float:
    return float(np.median(np.linalg.norm(positions - nominal, axis=1)))


def _readings_of_positions() -> Iterator[Reading]:
    yield "they seem to be in mm: divide x, y and z by 10", lambda found: found / 10
    yield "they seem to be in m: multiply x, y and z by 100", lambda found: found * 100
    yield from _orders("")
    for axis, name in enumerate(_AXES):
        sign = np.where(np.arange(3) == axis, -1.0, 1.0)
        yield f"{name} seems to have the other sign", partial(np.multiply, sign)
    for order in permutations(range(3)):
        names = ", ".join(_UVW[axis] for axis in order)
        place: IntArray = np.argsort(order)
        yield (
            f"they seem to be {names}: write x, y and z (xec_geometry.uvw_to_xyz)",
            partial(_from_uvw, place),
        )


def _reordered(place: IntArray, found: FloatArray) -> FloatArray:
    return found[:, place]


def _from_uvw(place: IntArray, found: FloatArray) -> FloatArray:
    return uvw_to_xyz(found[:, place])


def _orders(prefix: str) -> Iterator[Reading]:
    for order in permutations(range(3)):
        if order == (0, 1, 2):
            continue
        names = " ".join(f"{prefix}{_AXES[axis]}" for axis in order)
        place: IntArray = np.argsort(order)
        yield (
            f"the columns seem to be {names} in this order: name all columns in the first line",
            partial(_reordered, place),
        )
