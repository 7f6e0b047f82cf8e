"""Tables of `xec geometry` for a terminal."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table

from xec_geometry.detector.faces import FACE_TABLE, face_ids, face_of_sensor, id_ranges, index_map
from xec_geometry.detector.fingerprint import geometry_hash
from xec_geometry.detector.names import FACES, LAYOUTS, GridName, Layout
from xec_geometry.detector.parameters import N_SENSORS
from xec_geometry.detector.sensors import sensor_areas
from xec_geometry.detector.survey import Moved, SensorTable
from xec_geometry.grids.hex_grid import hex_edges, hex_rows


def report_faces(console: Console, layout: Layout, geometry: SensorTable) -> None:
    """Print the table of faces: kind, number and ids of the sensors, active area, grids."""
    table = _table("face", "kind", ">sensors", "ids", ">area cm²", "grid")
    for face in FACE_TABLE.values():
        ids = face_ids(face.name)
        area = f"{sensor_areas()[ids].sum():.0f}"
        for number, grid in enumerate(face.grids):
            about_face = (face.name, face.kind, str(len(ids)), id_ranges(ids), area)
            cells = about_face if number == 0 else ("",) * len(about_face)
            table.add_row(*cells, _describe_grid(grid, layout, face.axes))
    total = f"{sensor_areas().sum():.0f}"
    table.add_section()
    table.add_row("all", "", str(N_SENSORS), f"0–{N_SENSORS - 1}", total, "")
    console.print(table)
    pairs = hex_edges(layout).shape[1] - sum(hex_rows)
    _say(console, f"top, bottom: {pairs} directed pairs of neighbours")
    _say(console, f"layout {layout}, geometry {geometry_hash(layout, geometry)}")


def report_survey(console: Console, source: str, survey: SensorTable, moved: Moved, rows: int) -> None:
    """Print which sensors a survey moved: the farthest ones, then a summary per face."""
    n_moved = len(moved.sensor)
    _say(console, f"{source}: {len(survey.surveyed)} of {N_SENSORS} sensors, {n_moved} moved")
    for layout in LAYOUTS:
        _say(console, f"layout {layout}, geometry {geometry_hash(layout, survey)}")
    if n_moved == 0:
        return
    faces = face_of_sensor()
    table = _table(">sensor", "face", ">moved cm", ">dx", ">dy", ">dz", ">turned °")
    for sensor, shift, distance, turn in zip(
        moved.sensor[:rows], moved.shift, moved.distance, moved.turn, strict=False
    ):
        where = FACES[faces[sensor]]
        table.add_row(
            str(sensor), where, f"{distance:.4f}", *(f"{step:+.4f}" for step in shift), f"{turn:.3f}"
        )
    if rows:
        console.print(table)
    if 0 < rows < n_moved:
        _say(console, f"… and {n_moved - rows} more")
    console.print(_summary(moved, survey))


def _summary(moved: Moved, survey: SensorTable) -> Table:
    table = _table("face", ">surveyed", ">moved", ">mean cm", ">largest cm", ">largest turn °")
    faces = face_of_sensor()
    for number, name in enumerate(FACES):
        here = faces[moved.sensor] == number
        surveyed = int((faces[survey.surveyed] == number).sum())
        cells = ["–"] * 3
        if here.any():
            distance = moved.distance[here]
            cells = [f"{distance.mean():.4f}", f"{distance.max():.4f}", f"{moved.turn[here].max():.3f}"]
        table.add_row(name, str(surveyed), str(int(here.sum())), *cells)
    return table


def _describe_grid(grid: GridName, layout: Layout, axes: str) -> str:
    shape = index_map(grid, layout).shape
    if len(shape) == 1:
        return "rows of " + ", ".join(map(str, hex_rows))
    size = " × ".join(map(str, shape))
    names: dict[GridName, str] = {"outer": ", fine", "outer_coarse": ", coarse", "outer_center": ", centre"}
    return f"{size} ({axes}{names.get(grid, '')})"


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, soft_wrap=True, markup=False)


def _table(*columns: str) -> Table:
    """Make a plain table; ``>`` before a name aligns its column to the right."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for column in columns:
        table.add_column(column.removeprefix(">"), justify="right" if column.startswith(">") else "left")
    return table
