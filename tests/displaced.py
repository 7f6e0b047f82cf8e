"""A detector whose sensors do not stand where they nominally do, as an object and as a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from xec_geometry import N_SENSORS, SensorTable, sensor_kinds, sensor_normals, sensor_positions
from xec_geometry.support.arrays import read_only


def displaced(distance: float = 0.6, seed: int = 3) -> SensorTable:
    """Every sensor is `distance` cm away from its nominal place, in a random direction."""
    step = np.random.default_rng(seed).normal(size=(N_SENSORS, 3))
    step *= distance / np.linalg.norm(step, axis=1, keepdims=True)
    return SensorTable(
        read_only(sensor_positions() + step), sensor_normals(), read_only(np.arange(N_SENSORS))
    )


def shifted(shift: tuple[float, float, float]) -> SensorTable:
    """The whole detector, moved by (x, y, z) in cm."""
    return SensorTable(
        read_only(sensor_positions() + np.array(shift)), sensor_normals(), read_only(np.arange(N_SENSORS))
    )


def write_table(path: Path, table: SensorTable, columns: str, *, header: bool = False) -> Path:
    """Write a table with these columns; those that are no positions or normals hold what they should."""
    values = {
        "id": np.arange(N_SENSORS),
        "is_sipm": (sensor_kinds() == "SiPM").astype(int),
        "is_bad": np.zeros(N_SENSORS, int),
        "face": np.zeros(N_SENSORS, int),
        **dict(zip(("x", "y", "z"), table.positions.T, strict=True)),
        **dict(zip(("dir_x", "dir_y", "dir_z"), table.normals.T, strict=True)),
    }
    second = {
        "sensor_id": "id",
        "pos_x": "x",
        "pos_y": "y",
        "pos_z": "z",
        "nx": "dir_x",
        "ny": "dir_y",
        "nz": "dir_z",
    }
    names = columns.split()
    rows = zip(*(values[second.get(name, name)].tolist() for name in names), strict=True)
    lines = [" ".join(map(repr, row)) for row in rows]
    path.write_text("\n".join(([f"# {columns}"] if header else []) + lines) + "\n")
    return path


SURVEY = "sensor_id x y z nx ny nz"
