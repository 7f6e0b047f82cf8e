"""As-built positions: a survey's table in place of the nominal one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from xec_geometry.detector.parameters import N_SENSORS, TABLE_ACCURACY
from xec_geometry.detector.sensors import sensor_normals, sensor_positions
from xec_geometry.errors import GeometryError
from xec_geometry.support.arrays import FloatArray, IntArray, read_only
from xec_geometry.support.text import read_lines

COLUMNS = ("sensor_id", "x", "y", "z", "nx", "ny", "nz")

# Tables are written with few digits; a normal that is off by more was never meant as one.
_UNIT_TOLERANCE = 1e-3

# Python would also read 1_000, and digits of other scripts.
_INTEGER = re.compile(r"[-+]?\d{1,9}", re.ASCII)
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
# Its square is still a number.
_FARTHEST = 1e9
_SHOWN = 40


@dataclass(frozen=True)
class SensorTable:
    """Positions and normals of all sensors; index maps never depend on them.

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


@cache
def nominal_table() -> SensorTable:
    """Return the nominal positions and normals as a table."""
    return SensorTable(sensor_positions(), sensor_normals(), read_only(np.empty(0, dtype=np.int64)))


def read_survey(path: str | Path) -> SensorTable:
    """Read the text table of a survey.

    Parameters
    ----------
    path
        Lines of ``sensor_id x y z nx ny nz``, separated by blanks or commas, lengths in cm; text
        after ``#`` is a comment, and a first line with the names of the columns is skipped. Sensors
        that have no line keep their nominal place.

    Returns
    -------
    SensorTable
        With normals of length 1.

    Raises
    ------
    GeometryError
        If the file cannot be read, or for the first line that is wrong: number of columns, no
        number, no such sensor, a sensor given before, a normal that is not a unit vector.
    """
    path = Path(path)
    positions, normals = sensor_positions().copy(), sensor_normals().copy()
    line_of: dict[int, int] = {}
    for number, line in enumerate(_read_lines(path), start=1):
        fields = line.partition("#")[0].replace(",", " ").split()
        if not fields or (not line_of and fields[0].lower() == COLUMNS[0]):
            continue
        where = f"{path}, line {number}"
        sensor, values = _parse(fields, where)
        if sensor in line_of:
            raise GeometryError(f"{where}: sensor {sensor} was given before, in line {line_of[sensor]}")
        line_of[sensor] = number
        length = float(np.linalg.norm(values[3:]))
        if abs(length - 1) > _UNIT_TOLERANCE:
            raise GeometryError(
                f"{where}: the normal of sensor {sensor} has length {length:.6g}; expected a unit vector"
            )
        positions[sensor], normals[sensor] = values[:3], values[3:] / length
    if not line_of:
        raise GeometryError(f"{path}: no sensor in the table; expected lines of '{' '.join(COLUMNS)}'")
    surveyed = np.array(sorted(line_of), dtype=np.int64)
    return SensorTable(read_only(positions), read_only(normals), read_only(surveyed))


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


def _read_lines(path: Path) -> list[str]:
    try:
        return read_lines(path)
    except OSError as error:
        raise GeometryError(f"cannot read the table {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise GeometryError(f"cannot read the table {path}: not a text file") from error


def _parse(fields: list[str], where: str) -> tuple[int, FloatArray]:
    if len(fields) != len(COLUMNS):
        raise GeometryError(
            f"{where}: found {len(fields)} columns; expected {len(COLUMNS)}: {' '.join(COLUMNS)}"
        )
    if not _INTEGER.fullmatch(fields[0]):
        raise GeometryError(f"{where}: {_shown(fields[0])} is no sensor id; expected a whole number")
    sensor = int(fields[0])
    if not 0 <= sensor < N_SENSORS:
        raise GeometryError(f"{where}: there is no sensor {sensor}; expected 0 to {N_SENSORS - 1}")
    values = [_parse_number(text, name, where) for text, name in zip(fields[1:], COLUMNS[1:], strict=True)]
    return sensor, np.array(values)


def _parse_number(text: str, column: str, where: str) -> float:
    value = float(text) if _NUMBER.fullmatch(text) else np.nan
    if not abs(value) <= _FARTHEST:
        raise GeometryError(
            f"{where}: column {column} holds {_shown(text)}; expected a finite number below 1e9"
        )
    return value


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
