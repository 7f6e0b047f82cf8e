"""The outer face as one fine grid: a precomputed gather with shares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xec_geometry.detector import parameters as p
from xec_geometry.detector.faces import index_map
from xec_geometry.detector.names import Layout
from xec_geometry.errors import GeometryError
from xec_geometry.support.arrays import FloatArray, IntArray, read_only
from xec_geometry.support.caching import cache


@dataclass(frozen=True)
class OuterFineGrid:
    """Sensors of the cells of the outer fine grid, and their shares.

    The count of cell c is Σ_k ``share[c, k]`` · npho[``sensor[c, k]``]; its time is the mean of the
    times of ``sensor[c, k]`` with the weights ``area[c, k]``, over the valid ones.

    Attributes
    ----------
    shape
        Rows (z) and columns (φ); cell c stands in row c // columns and column c % columns.
    sensor
        (cells, k) int64, sensor ids. Entries that pad have share and area 0.
    share
        (cells, k) float64, part of the sensor's count that this cell receives. In the layout
        ``physical`` the shares of every sensor of the face sum to 1: counts are conserved.
    area
        (cells, k) float64, part of the cell that the sensor covers. Sums to 1 in every cell.
    """

    shape: tuple[int, int]
    sensor: IntArray
    share: FloatArray
    area: FloatArray


def outer_fine_grid(
    pool: tuple[int, int] | list[int] | None = None, layout: Layout = "physical"
) -> OuterFineGrid:
    """Return the fine grid of the outer face, optionally pooled.

    A coarse PMT covers a block of cells, and so does, in smaller cells, a PMT of the centre patch,
    which lies over the coarse cells beneath. In the layout ``xec-ml-wl`` the coarse map does not
    follow the positions, so the patch hides 12 sensors that it does not have, and the 12 that it
    shares with the coarse map appear in both: counts are not conserved there.

    Parameters
    ----------
    pool
        Rows and columns of fine cells that one pooled cell sums up, e.g. ``(3, 3)``. Rows and columns
        that are left over form smaller cells in the layout ``physical``, so that no count is lost; the
        layout ``xec-ml-wl`` leaves them out.
    layout
        ``physical`` or ``xec-ml-wl``.

    Returns
    -------
    OuterFineGrid
        With one sensor per cell if not pooled.

    Raises
    ------
    GeometryError
        If `pool` is not two numbers that fit into the grid, or if there is no such layout.
    """
    return _fine_grid(_checked_pool(pool), layout)


def _checked_pool(pool: tuple[int, int] | list[int] | None) -> tuple[int, int]:
    rows, columns = fine_shape()
    if pool is None:
        return (1, 1)
    sizes = tuple(pool)
    if len(sizes) == 2 and all(isinstance(n, (int, np.integer)) and n > 0 for n in sizes):
        pool_rows, pool_columns = int(sizes[0]), int(sizes[1])
        if pool_rows <= rows and pool_columns <= columns:
            return pool_rows, pool_columns
    raise GeometryError(
        f"cannot pool the outer fine grid by {list(sizes)}: "
        f"expected two numbers, from 1 to its {rows} rows and from 1 to its {columns} columns"
    )


def fine_shape() -> tuple[int, int]:
    """Return rows and columns of the outer fine grid without pooling."""
    return p.OUTER_PER_STRIP * p.COARSE_CELL[0], p.STRIPS * p.COARSE_CELL[1]


@cache
def _fine_grid(pool: tuple[int, int], layout: Layout) -> OuterFineGrid:
    sensor, share = index_map("outer", layout), _fine_share()
    rows, columns = (_number_of_parts(n, size, layout) for n, size in zip(sensor.shape, pool, strict=True))
    row, column = (np.arange(n) // size for n, size in zip(sensor.shape, pool, strict=True))
    kept = np.ix_(row < rows, column < columns)
    cell = (row[:, np.newaxis] * columns + column)[kept].ravel()
    return _merged((rows, columns), cell, sensor[kept].ravel(), share[kept].ravel())


def _number_of_parts(n: int, size: int, layout: Layout) -> int:
    """Return how many parts of `size` rows or columns there are; what is left over is a part, or nothing."""
    return -(-n // size) if layout == "physical" else n // size


def _fine_share() -> FloatArray:
    share = np.full(fine_shape(), 1 / np.prod(p.COARSE_CELL))
    rows, columns = p.CENTER_CELL[0] * len(p.CENTER_Z), p.CENTER_CELL[1] * len(p.CENTER_IDS)
    row, column = p.CENTER_FINE_ORIGIN
    share[row : row + rows, column : column + columns] = 1 / np.prod(p.CENTER_CELL)
    return share


def _merged(shape: tuple[int, int], cell: IntArray, sensor: IntArray, share: FloatArray) -> OuterFineGrid:
    """Sum up fine cells by the cell and the sensor that they belong to."""
    ids = sensor.max() + 1
    both, where, counts = np.unique(cell * ids + sensor, return_inverse=True, return_counts=True)
    of_cell, sensors = np.divmod(both, ids)
    per_cell = np.bincount(of_cell)
    first = np.cumsum(per_cell) - per_cell
    # Entries that pad repeat the last sensor.
    entries = np.arange(per_cell.max())
    taken = first[:, np.newaxis] + np.minimum(entries, per_cell[:, np.newaxis] - 1)
    exists = entries < per_cell[:, np.newaxis]
    shares = np.bincount(where, weights=share)
    areas = counts / np.bincount(cell)[of_cell]
    return OuterFineGrid(
        shape,
        read_only(sensors[taken]),
        read_only(np.where(exists, shares[taken], 0.0)),
        read_only(np.where(exists, areas[taken], 0.0)),
    )
