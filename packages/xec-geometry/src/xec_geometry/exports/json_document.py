"""Export of all tables as one JSON document."""

from __future__ import annotations

import json

from xec_geometry.__about__ import __version__
from xec_geometry.detector import parameters as p
from xec_geometry.detector.faces import FACE_TABLE, face_ids, face_of_sensor, index_map
from xec_geometry.detector.fingerprint import geometry_hash
from xec_geometry.detector.names import FACES, GRIDS, Layout
from xec_geometry.detector.sensors import sensor_areas, sensor_kinds
from xec_geometry.detector.survey import SensorTable
from xec_geometry.exports.content import CONSTANTS, EDGE_ROWS
from xec_geometry.grids.fine_grid import outer_fine_grid
from xec_geometry.grids.hex_grid import hex_edges, hex_positions, hex_rows


def json_document(layout: Layout, geometry: SensorTable) -> str:
    """Return sensors, faces, index maps, edges and the fine grid as JSON; a line per table."""
    grid = outer_fine_grid(layout=layout)
    document = {
        "xec_geometry": __version__,
        "layout": layout,
        "geometry_hash": geometry_hash(layout, geometry),
        "n_sensors": p.N_SENSORS,
        "units": {"length": "cm", "area": "cm2"},
        "constants": CONSTANTS,
        "positions": geometry.positions.tolist(),
        "normals": geometry.normals.tolist(),
        "areas": sensor_areas().tolist(),
        "kinds": sensor_kinds().tolist(),
        "face_of_sensor": [FACES[face] for face in face_of_sensor().tolist()],
        "faces": {
            face.name: {"title": face.title, "kind": face.kind, "ids": face_ids(face.name).tolist()}
            for face in FACE_TABLE.values()
        },
        "maps": {name: index_map(name, layout).tolist() for name in GRIDS},
        "hex_rows": list(hex_rows),
        "hex_positions": hex_positions().tolist(),
        "hex_edges": dict(zip(EDGE_ROWS, hex_edges(layout).tolist(), strict=True)),
        "fine_grid": {
            "shape": list(grid.shape),
            "sensor": grid.sensor[:, 0].tolist(),
            "share": grid.share[:, 0].tolist(),
        },
    }
    lines = (f"{json.dumps(key)}: {json.dumps(value)}" for key, value in document.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"
