"""Exports of the geometry for other programs: a module per format, and the table of formats."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

from xec_geometry.detector.names import Layout, check_layout
from xec_geometry.detector.survey import SensorTable, nominal_table
from xec_geometry.errors import GeometryError, did_you_mean
from xec_geometry.exports.cpp_header import cpp_header
from xec_geometry.exports.csv_table import csv_table
from xec_geometry.exports.json_document import json_document

FORMATS: MappingProxyType[str, Callable[[Layout, SensorTable], str]] = MappingProxyType(
    {"cpp": cpp_header, "csv": csv_table, "json": json_document}
)
"""Text of each format, for a layout and a geometry."""


def export_geometry(format_name: str, layout: Layout = "physical", table: SensorTable | None = None) -> str:
    """Return a geometry as text.

    Parameters
    ----------
    format_name
        ``cpp``: a C++17 header; ``csv``: a line per sensor; ``json``: all tables.
    layout
        Of the index maps, the edges and the fine grid.
    table
        Positions and normals; nominal by default.

    Raises
    ------
    GeometryError
        If there is no such format or layout.
    """
    if format_name not in FORMATS:
        raise GeometryError(
            f"unknown format {format_name!r}{did_you_mean(format_name, FORMATS)}; "
            f"expected one of {', '.join(FORMATS)}"
        )
    return FORMATS[format_name](check_layout(layout), nominal_table() if table is None else table)
