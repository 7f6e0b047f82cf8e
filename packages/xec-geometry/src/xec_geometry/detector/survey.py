"""Where the sensors stand: the nominal table, a table as built, and what moved."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from xec_geometry.detector.parameters import TABLE_ACCURACY
from xec_geometry.detector.sensors import sensor_normals, sensor_positions
from xec_geometry.support.arrays import FloatArray, IntArray, read_only

# Finer than the table is exact, coarser than what sines of different machines differ by.
_RESOLUTION = 1e-4


# Compared and cached as an object: two tables are the same geometry if `geometry_hash` says so.
@dataclass(frozen=True, eq=False)
class SensorTable:
    """Positions and normals of all sensors: the geometry; index maps never depend on them.

    `load_geometry` gives the nominal one, or reads one as built.

    Attributes
    ----------
    positions
        (N_SENSORS, 3) float64 in cm, read-only.
    normals
        (N_SENSORS, 3) float64 unit vectors into the xenon, read-only.
    surveyed
        Ids of the sensors that the table speaks of, ascending; the others are nominal.
    """

    positions: FloatArray
    normals: FloatArray
    surveyed: IntArray

    @property
    def is_nominal(self) -> bool:
        """Whether every sensor stands and looks as in the nominal table, as far as `geometry_hash` tells."""
        nominal = ((self.positions, sensor_positions()), (self.normals, sensor_normals()))
        return all(np.array_equal(resolved(ours), resolved(theirs)) for ours, theirs in nominal)

    def __reduce__(self) -> tuple[Any, ...]:
        """Send the nominal table by its name: a process that starts does not wait for 200 kB."""
        if self is nominal_table():
            return nominal_table, ()
        return SensorTable, (self.positions, self.normals, self.surveyed)


@dataclass(frozen=True)
class Moved:
    """Sensors that moved with respect to another table, the farthest first.

    Attributes
    ----------
    sensor
        (n,) ids.
    shift
        (n, 3) displacement in cm.
    distance
        (n,) its length in cm.
    turn
        (n,) angle between the normals in degrees.
    """

    sensor: IntArray
    shift: FloatArray
    distance: FloatArray
    turn: FloatArray


def resolved(values: FloatArray) -> IntArray:
    """Return lengths in cm, or parts of unit vectors, in whole steps of what a geometry is told apart by."""
    return np.rint(values / _RESOLUTION).astype(np.int64)


@cache
def nominal_table() -> SensorTable:
    """Return the nominal positions and normals as a table."""
    return SensorTable(sensor_positions(), sensor_normals(), read_only(np.empty(0, dtype=np.int64)))


def compare_survey(
    table: SensorTable,
    reference: SensorTable | None = None,
    *,
    min_distance: float = TABLE_ACCURACY,
    min_turn: float = 0.1,
) -> Moved:
    """Find the sensors that moved or turned, and by how much.

    Parameters
    ----------
    table
        As built.
    reference
        What to compare with; nominal by default.
    min_distance
        Shifts up to this many cm do not count. The default is what the parameters reproduce the
        nominal table to.
    min_turn
        Turns up to this many degrees do not count.

    Returns
    -------
    Moved
        The sensors beyond either limit, the farthest first.
    """
    reference = nominal_table() if reference is None else reference
    shift = table.positions - reference.positions
    distance = np.linalg.norm(shift, axis=1)
    # Of the half angle, from the chord: arccos of a dot product has no digits for small turns.
    chord = np.linalg.norm(table.normals - reference.normals, axis=1)
    turn = np.rad2deg(2 * np.arcsin(np.clip(chord / 2, 0.0, 1.0)))
    moved = np.flatnonzero((distance > min_distance) | (turn > min_turn))
    moved = moved[np.lexsort((moved, -turn[moved], -distance[moved]))]
    return Moved(moved, shift[moved], distance[moved], turn[moved])
