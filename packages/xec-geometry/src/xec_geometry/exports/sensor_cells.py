"""From a sensor to its place in the map of its face."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from xec_geometry.detector import parameters as p
from xec_geometry.detector.faces import FACE_TABLE, index_map
from xec_geometry.detector.names import Layout
from xec_geometry.grids.hex_grid import hex_rows
from xec_geometry.support.arrays import IntArray


def sensor_cells(layout: Layout) -> IntArray:
    """Return the rectangle that every sensor covers in the map of its face.

    Parameters
    ----------
    layout
        Of the index maps. Of two rectangles of a sensor, which some have in ``xec-ml-wl``, the first in
        the order of the rows is returned.

    Returns
    -------
    numpy.ndarray
        (N_SENSORS, 4) int64: first row, first column, number of rows, number of columns. Numbers are 1
        except on the outer face, whose map is the fine grid. On top and bottom row and column are
        the hexagonal row and the place in it. A sensor that the map does not show (of ``xec-ml-wl``) has
        −1, −1, 0, 0.
    """
    cells = np.tile([-1, -1, 0, 0], (p.N_SENSORS, 1))
    for face in FACE_TABLE.values():
        table = index_map(face.name, layout)
        if table.ndim == 1:
            places = [(row, column) for row, length in enumerate(hex_rows) for column in range(length)]
            cells[table] = [(*place, 1, 1) for place in places]
            continue
        ids, first = np.unique(table, return_index=True)
        for sensor, place in zip(ids.tolist(), first.tolist(), strict=True):
            row, column = divmod(place, table.shape[1])
            n_rows = _run(table[row:, column] == sensor)
            n_columns = _run(table[row, column:] == sensor)
            cells[sensor] = row, column, n_rows, n_columns
    return cells


def _run(same: npt.NDArray[np.bool_]) -> int:
    """Count the leading true values."""
    return len(same) if same.all() else int(same.argmin())
