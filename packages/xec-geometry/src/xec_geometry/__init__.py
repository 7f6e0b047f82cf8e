"""The sensors of the MEG II liquid-xenon photon detector.

Positions, faces, index maps, neighbours, coordinates and solid angles; and the `xec` command.
Lengths are cm. Arrays that these functions return are shared tables and read-only. What is listed here is
loaded when it is first used, so that commands start without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader as lazy

from xec_geometry.__about__ import __version__

if TYPE_CHECKING:
    from xec_geometry.coordinates import angles_to_direction, direction_to_angles, uvw_to_xyz, xyz_to_uvw
    from xec_geometry.errors import GeometryError, XecError, did_you_mean
    from xec_geometry.faces import FACES, GRIDS, face_ids, index_map
    from xec_geometry.fiducial import FIDUCIAL, in_fiducial
    from xec_geometry.finegrid import OuterFineGrid, outer_fine_grid
    from xec_geometry.fingerprint import geometry_hash
    from xec_geometry.hexgrid import HEX_STEPS, hex_cells, hex_edges, hex_positions, hex_rows
    from xec_geometry.layouts import LAYOUTS, Layout
    from xec_geometry.parameters import N_SENSORS
    from xec_geometry.sensors import sensor_areas, sensor_kinds, sensor_normals, sensor_positions
    from xec_geometry.solid_angles import solid_angle
    from xec_geometry.survey import SensorTable, compare_survey, read_survey
    from xec_geometry.unroll import unrolled_face_boxes, unrolled_positions

__all__ = [
    "FACES",
    "FIDUCIAL",
    "GRIDS",
    "HEX_STEPS",
    "LAYOUTS",
    "N_SENSORS",
    "GeometryError",
    "Layout",
    "OuterFineGrid",
    "SensorTable",
    "XecError",
    "__version__",
    "angles_to_direction",
    "compare_survey",
    "did_you_mean",
    "direction_to_angles",
    "face_ids",
    "geometry_hash",
    "hex_cells",
    "hex_edges",
    "hex_positions",
    "hex_rows",
    "in_fiducial",
    "index_map",
    "outer_fine_grid",
    "read_survey",
    "sensor_areas",
    "sensor_kinds",
    "sensor_normals",
    "sensor_positions",
    "solid_angle",
    "unrolled_face_boxes",
    "unrolled_positions",
    "uvw_to_xyz",
    "xyz_to_uvw",
]

# Importing the package loads none of its modules.
__getattr__, __dir__, _ = lazy.attach(
    __name__,
    submod_attrs={
        "coordinates": ["angles_to_direction", "direction_to_angles", "uvw_to_xyz", "xyz_to_uvw"],
        "errors": ["GeometryError", "XecError", "did_you_mean"],
        "faces": ["FACES", "GRIDS", "face_ids", "index_map"],
        "fiducial": ["FIDUCIAL", "in_fiducial"],
        "finegrid": ["OuterFineGrid", "outer_fine_grid"],
        "fingerprint": ["geometry_hash"],
        "hexgrid": ["HEX_STEPS", "hex_cells", "hex_edges", "hex_positions", "hex_rows"],
        "layouts": ["LAYOUTS", "Layout"],
        "parameters": ["N_SENSORS"],
        "sensors": ["sensor_areas", "sensor_kinds", "sensor_normals", "sensor_positions"],
        "solid_angles": ["solid_angle"],
        "survey": ["SensorTable", "compare_survey", "read_survey"],
        "unroll": ["unrolled_face_boxes", "unrolled_positions"],
    },
)
