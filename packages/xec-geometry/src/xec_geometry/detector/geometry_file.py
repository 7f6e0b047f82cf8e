"""Files of as-built positions: a survey's table, and what the experiment's analyzer writes."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from xec_geometry.detector.misreadings import explain_normals, explain_positions, median_turn
from xec_geometry.detector.parameters import N_SENSORS
from xec_geometry.detector.sensors import sensor_kinds, sensor_normals, sensor_positions
from xec_geometry.detector.survey import SensorTable, nominal_table
from xec_geometry.errors import GeometryError, did_you_mean
from xec_geometry.support.arrays import FloatArray, read_only
from xec_geometry.support.text import shortened, text_lines

NOMINAL = "nominal"
"""The name of the nominal geometry, where the path of a file may stand."""

COLUMNS = ("sensor_id", "x", "y", "z", "nx", "ny", "nz")

FORMATS: tuple[tuple[str, ...], ...] = (
    COLUMNS,
    ("id", "is_sipm", "face", "x", "y", "z", "dir_x", "dir_y", "dir_z"),
    ("id", "is_sipm", "is_bad", "face", "x", "y", "z", "dir_x", "dir_y", "dir_z"),
    ("sensor_id", "dir_x", "dir_y", "dir_z", "pos_x", "pos_y", "pos_z", "face"),
)
"""Columns of the tables that can be read without a line that names them, each of another number.

The first is that of a survey, the next two are the analyzer's dump of its geometry without and with the flags
of bad channels, the last is the table of the earlier system xec-ml-wl.
"""

# What files call a column, and its name here; columns of other names are not used.
_NAMES = {
    **{name: name for name in COLUMNS},
    "id": "sensor_id",
    "pos_x": "x",
    "pos_y": "y",
    "pos_z": "z",
    "dir_x": "nx",
    "dir_y": "ny",
    "dir_z": "nz",
    "is_sipm": "is_sipm",
}

# Python would also read 1_000, and digits of other scripts.
_INTEGER = re.compile(r"[-+]?\d{1,9}", re.ASCII)
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
# Its square is still a number.
_FARTHEST = 1e9

# Tables are written with few digits; a normal that is off by more was never meant as one.
_UNIT_TOLERANCE = 1e-3
# Sensors that are this far from their nominal place, by half of them, were given in other units.
_FAR = 10.0
# No survey turns half of the sensors by so many degrees.
_TURNED = 20.0


@dataclass(frozen=True)
class _Order:
    """Where the columns stand in a line, and how many there are."""

    place: dict[str, int]
    names: tuple[str, ...]


def load_geometry(source: str | Path = NOMINAL) -> SensorTable:
    """Load where the sensors stand; every command and configuration takes the same two kinds of sources.

    Parameters
    ----------
    source
        ``nominal``, or the path of a table as `read_survey` reads it.

    Returns
    -------
    SensorTable
        Positions and normals of all sensors; those of the nominal geometry if `geometry_hash` does not tell
        them from it.

    Raises
    ------
    GeometryError
        If there is no such file, or for the first line of it that is wrong.
    """
    if str(source) == NOMINAL:
        return nominal_table()
    if not Path(source).exists():
        raise GeometryError(
            f"no such geometry: {source}{did_you_mean(str(source), [NOMINAL])}; expected '{NOMINAL}' or the "
            "path of a table of positions, see xec geometry check --help"
        )
    table = read_survey(source)
    if table.is_nominal:
        # To the last digit, as a checkpoint gives it back, which holds no positions then.
        return replace(table, positions=sensor_positions(), normals=sensor_normals())
    return table


def geometry_files(source: str | Path) -> list[Path]:
    """Return the file that `load_geometry` reads; none for the nominal geometry."""
    return [] if str(source) == NOMINAL else [Path(source)]


def read_survey(path: str | Path) -> SensorTable:
    """Read a text table of positions and normals.

    Parameters
    ----------
    path
        A line for each sensor, values separated by blanks or commas, lengths in cm; text after ``#`` is a
        comment. The columns are named by the first line, be it a comment, or told by their number, see
        `FORMATS`. Sensors that have no line keep their nominal place.

    Returns
    -------
    SensorTable
        With normals of length 1.

    Raises
    ------
    GeometryError
        If the file cannot be read, or for the first line that is wrong: number of columns, no
        number, no such sensor, a sensor given before, a normal that is not a unit vector; if the lengths are
        in another unit, or the normals point out of the xenon.
    """
    path = Path(path)
    positions, normals = sensor_positions().copy(), sensor_normals().copy()
    line_of: dict[int, int] = {}
    order: _Order | None = None
    for number, line in enumerate(_lines(path), start=1):
        where = f"{path}, line {number}"
        if not line_of and (named := _named_columns(line, where)) is not None:
            order = named
            continue
        fields = _fields(line.partition("#")[0])
        if not fields:
            continue
        order = order or _counted_columns(len(fields), where)
        sensor, values = _parse(fields, order, where)
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
    table = SensorTable(read_only(positions), read_only(normals), read_only(surveyed))
    _check_plausible(table, path)
    return table


def _lines(path: Path) -> list[str]:
    try:
        return text_lines(path)
    except OSError as error:
        raise GeometryError(f"cannot read the table {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise GeometryError(f"cannot read the table {path}: not a text file") from error


def _fields(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _named_columns(line: str, where: str) -> _Order | None:
    """Read a line that names columns, commented out or not; None if it is another line."""
    text = line.strip()
    # A comment behind the names is none of them.
    names = _fields(text.lstrip("#").partition("#")[0].lower())
    if not names or _NAMES.get(names[0]) != "sensor_id":
        return None
    place = {_NAMES[name]: i for i, name in enumerate(names) if name in _NAMES}
    missing = [name for name in COLUMNS if name not in place]
    if missing:
        if text.startswith("#"):
            # A sentence that begins with such a word.
            return None
        raise GeometryError(
            f"{where}: the columns {', '.join(missing)} are missing; expected at least {' '.join(COLUMNS)}"
        )
    return _Order(place, tuple(names))


def _counted_columns(number: int, where: str) -> _Order:
    for names in FORMATS:
        if len(names) == number:
            return _Order({_NAMES[name]: i for i, name in enumerate(names) if name in _NAMES}, names)
    raise GeometryError(
        f"{where}: found {number} columns; expected {len(COLUMNS)}: {' '.join(COLUMNS)} (or "
        f"{', '.join(str(len(names)) for names in FORMATS[1:])}, see xec geometry check --help)"
    )


def _parse(fields: list[str], order: _Order, where: str) -> tuple[int, FloatArray]:
    if len(fields) != len(order.names):
        raise GeometryError(
            f"{where}: found {len(fields)} columns; expected {len(order.names)}: {' '.join(order.names)}"
        )
    by_name = {name: fields[i] for name, i in order.place.items()}
    text = by_name["sensor_id"]
    if not _INTEGER.fullmatch(text):
        raise GeometryError(f"{where}: {shortened(text)!r} is no sensor id; expected a whole number")
    sensor = int(text)
    if not 0 <= sensor < N_SENSORS:
        raise GeometryError(f"{where}: there is no sensor {sensor}; expected 0 to {N_SENSORS - 1}")
    _check_kind(sensor, by_name.get("is_sipm"), where)
    return sensor, np.array([_parse_number(by_name[name], name, where) for name in COLUMNS[1:]])


def _check_kind(sensor: int, is_sipm: str | None, where: str) -> None:
    kind = str(sensor_kinds()[sensor])
    expected = str(int(kind == "SiPM"))
    if is_sipm is not None and is_sipm != expected:
        raise GeometryError(
            f"{where}: is_sipm is {is_sipm!r} for sensor {sensor}, which is a {kind}; expected {expected}: "
            "other ids, or another order of the columns?"
        )


def _parse_number(text: str, column: str, where: str) -> float:
    value = float(text) if _NUMBER.fullmatch(text) else np.nan
    if not abs(value) <= _FARTHEST:
        raise GeometryError(
            f"{where}: column {column} holds {shortened(text)!r}; expected a finite number below 1e9"
        )
    return value


def _check_plausible(table: SensorTable, path: Path) -> None:
    """Refuse tables in another unit, and of another direction of the normals: one sensor may be anything."""
    ids = table.surveyed
    distance = np.median(np.linalg.norm(table.positions[ids] - sensor_positions()[ids], axis=1))
    if len(ids) > 1 and distance > _FAR:
        raise GeometryError(
            f"{path}: half of the {len(ids)} sensors are more than {distance:.0f} cm from their nominal "
            "places; expected x, y and z in cm, in the detector's coordinates"
            f"{explain_positions(table.positions[ids], sensor_positions()[ids])}"
        )
    turn = median_turn(table.normals[ids], sensor_normals()[ids])
    order = explain_normals(table.normals[ids], sensor_normals()[ids])
    if len(ids) > 1 and turn > _TURNED and order:
        raise GeometryError(
            f"{path}: half of the {len(ids)} normals are turned by more than {turn:.0f}° from the nominal "
            f"ones{order}"
        )
    backwards = np.count_nonzero((table.normals[ids] * sensor_normals()[ids]).sum(axis=1) < 0)
    if len(ids) > 1 and 2 * backwards > len(ids):
        raise GeometryError(
            f"{path}: the normals of {backwards} of {len(ids)} sensors point out of the xenon; expected "
            "normals that point into it"
        )
