"""Export as a C++17 header of constexpr arrays that needs only the standard library."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from xec_geometry.__about__ import __version__
from xec_geometry.detector import parameters as p
from xec_geometry.detector.faces import face_ids, face_of_sensor, index_map
from xec_geometry.detector.fingerprint import geometry_hash
from xec_geometry.detector.names import FACES, GRIDS, Layout
from xec_geometry.detector.sensors import sensor_areas, sensor_kinds
from xec_geometry.detector.survey import SensorTable
from xec_geometry.exports.content import CONSTANTS, EDGE_ROWS, KINDS
from xec_geometry.exports.sensor_cells import sensor_cells
from xec_geometry.grids.fine_grid import outer_fine_grid
from xec_geometry.grids.hex_grid import hex_edges, hex_positions, hex_rows

_Table = npt.NDArray[np.generic]

_HEAD = """\
// The liquid-xenon photon detector of MEG II: sensors, faces, index maps, neighbours.
// Written by `xec geometry export --format cpp --layout {layout}` of xec-geometry {version}; do not edit.
// Lengths in cm, areas in cm2. The index of a table of sensors is the sensor id.

#ifndef XEC_GEOMETRY_HPP
#define XEC_GEOMETRY_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace xec::geometry {{
"""

_TAIL = """
}  // namespace xec::geometry

#endif  // XEC_GEOMETRY_HPP
"""

_CELLS = (
    "first row and column of the sensor in the map of its face, and the rows and columns that it covers "
    "(several of outer_map); top, bottom: hexagonal row, and place in it; -1 and 0: the layout hides it"
)

_LINE_LENGTH = 110


def cpp_header(layout: Layout, geometry: SensorTable) -> str:
    """Return the tables as the text of a C++17 header in the namespace ``xec::geometry``.

    Kinds are numbers into ``kind_names``, faces numbers into ``face_names``. ``<face>_ids`` are the
    sensors of a face, ``<grid>_map`` their ids in the shape that a network sees; ``outer_map`` and
    ``outer_share`` are the fine grid of the outer face and the part of the sensor's count in each cell.
    ``cells`` leads back from a sensor to its rows and columns there.
    """
    declarations = [
        *_constants(layout, geometry),
        *(_declare(*table) for table in _tables(layout, geometry)),
    ]
    return _HEAD.format(layout=layout, version=__version__) + "\n" + "\n".join(declarations) + _TAIL


def _constants(layout: Layout, geometry: SensorTable) -> Iterator[str]:
    for name, text in (
        ("version", __version__),
        ("layout", layout),
        ("geometry_hash", geometry_hash(layout, geometry)),
    ):
        yield f'inline constexpr std::string_view {name} = "{text}";'
    yield f"inline constexpr std::size_t n_sensors = {p.N_SENSORS};"
    for name, value in CONSTANTS.items():
        yield f"inline constexpr double {name} = {value!r};"
    for name, names in (("kind_names", KINDS), ("face_names", FACES)):
        quoted = ", ".join(f'"{text}"' for text in names)
        yield f"inline constexpr std::array<std::string_view, {len(names)}> {name} = {{{quoted}}};"


def _tables(layout: Layout, geometry: SensorTable) -> Iterator[tuple[str, str, str, _Table]]:
    """Yield element type, name, meaning and content."""
    kinds = np.array([KINDS.index(kind) for kind in sensor_kinds().tolist()])
    yield "double", "positions", "x, y, z", geometry.positions
    yield "double", "normals", "unit vectors into the xenon", geometry.normals
    yield "double", "areas", "active areas", sensor_areas()
    yield "std::uint8_t", "kinds", "place in kind_names", kinds
    yield "std::uint8_t", "faces", "place in face_names", face_of_sensor()
    for face in FACES:
        yield "std::int32_t", f"{face}_ids", "ascending", face_ids(face)
    for name in GRIDS:
        yield "std::int32_t", f"{name}_map", "sensor ids as a network sees them", index_map(name, layout)
    grid = outer_fine_grid(layout=layout)
    share = grid.share.reshape(grid.shape)
    yield "std::int32_t", "cells", _CELLS, sensor_cells(layout)
    yield "double", "outer_share", "part of the sensor's count in each cell of outer_map", share
    yield "std::int32_t", "hex_rows", "nodes in each row of top and bottom", np.array(hex_rows)
    yield "double", "hex_positions", "z and distance from the first row", hex_positions()
    yield "std::int32_t", "hex_edges", f"{', '.join(EDGE_ROWS)} (0: itself) of each edge", hex_edges(layout).T


def _declare(element: str, name: str, meaning: str, table: _Table) -> str:
    kind = element
    for length in reversed(table.shape):
        kind = f"std::array<{kind}, {length}>"
    return f"\n// {meaning}\ninline constexpr {kind} {name} = {{{{\n{_rows(table)}\n}}}};"


def _rows(table: _Table) -> str:
    if table.ndim == 1:
        return _wrap([repr(value) for value in table.tolist()])
    return ",\n".join("{{" + ", ".join(map(repr, row)) + "}}" for row in table.tolist())


def _wrap(words: list[str]) -> str:
    lines, line = [], ""
    for word in words:
        if line and len(line) + len(word) + 2 > _LINE_LENGTH:
            lines.append(line + ",")
            line = word
        else:
            line = f"{line}, {word}" if line else word
    return "\n".join([*lines, line])
