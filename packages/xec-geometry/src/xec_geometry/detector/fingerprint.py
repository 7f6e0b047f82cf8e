"""Hash of the geometry that a network depends on: positions, maps, edges, fine grid."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from xec_geometry.detector.faces import index_map
from xec_geometry.detector.names import GRIDS, Layout, check_layout
from xec_geometry.detector.sensors import sensor_normals, sensor_positions
from xec_geometry.detector.survey import SensorTable, resolved
from xec_geometry.grids.fine_grid import outer_fine_grid
from xec_geometry.grids.hex_grid import hex_edges
from xec_geometry.support.caching import cache


@cache
def geometry_hash(layout: Layout = "physical", table: SensorTable | None = None) -> str:
    """Hash a geometry as a layout shows it to networks.

    Two versions of xec with the same hash give the sensors the same meaning.

    Parameters
    ----------
    layout
        ``physical`` or ``xec-ml-wl``.
    table
        Positions and normals; nominal by default.

    Returns
    -------
    str
        Hexadecimal digits of a SHA-256.

    Raises
    ------
    GeometryError
        If there is no such layout.
    """
    check_layout(layout)
    grid = outer_fine_grid(layout=layout)
    positions = sensor_positions() if table is None else table.positions
    normals = sensor_normals() if table is None else table.normals
    tables: dict[str, npt.NDArray[np.generic]] = {
        "positions": resolved(positions),
        "normals": resolved(normals),
        **{f"map {name}": index_map(name, layout) for name in GRIDS},
        "edges": hex_edges(layout),
        "fine grid": grid.sensor,
        "shares": resolved(grid.share),
    }
    digest = hashlib.sha256(layout.encode())
    for name, values in tables.items():
        digest.update(f"{name} {values.shape}".encode())
        digest.update(values.astype("<i8").tobytes())
    return digest.hexdigest()
