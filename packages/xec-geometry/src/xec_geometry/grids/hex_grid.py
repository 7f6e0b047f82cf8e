"""The hexagonal faces as graphs: top and bottom have the same nodes and edges."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from xec_geometry.detector import parameters as p
from xec_geometry.detector.names import Layout, check_layout
from xec_geometry.support.arrays import FloatArray, IntArray, read_only
from xec_geometry.support.caching import cache

hex_rows: tuple[int, ...] = p.HEX_ROWS
"""Number of nodes in each row, from the inner face outwards."""

HEX_STEPS: tuple[tuple[int, int], ...] = ((0, 0), (0, -1), (0, 1), (-1, 0), (-1, 1), (1, -1), (1, 0))
"""Rows and columns of the axial grid (`hex_cells`) from source to target, for each direction."""

# A neighbour's row (−1: the one before) and side (−1: towards lower z).
_DIRECTIONS: dict[tuple[int, int], int] = {
    (0, -1): 1,
    (0, +1): 2,
    (-1, -1): 3,
    (-1, +1): 4,
    (+1, -1): 5,
    (+1, +1): 6,
}


@cache
def hex_positions() -> FloatArray:
    """Return the nodes of a hexagonal face in its plane.

    Returns
    -------
    numpy.ndarray
        (nodes, 2) float64, read-only: z, and the distance from the first row outwards, in cm.
        Node i of the top face is sensor ``face_ids("top")[i]``, likewise for the bottom.
    """
    z = np.concatenate([p.HEX_Z_STEP * (np.arange(n) - (n - 1) / 2) for n in hex_rows])
    return read_only(np.stack([z, p.HEX_RADIUS_STEP * _row_of_node()], axis=-1))


@cache
def hex_edges(layout: Layout = "physical") -> IntArray:
    """Return the edges of a hexagonal face, those of every node to itself included.

    Parameters
    ----------
    layout
        ``physical``: neighbours by their positions; ``xec-ml-wl``: neighbours by the parity of the
        row, as the earlier system had them.

    Returns
    -------
    numpy.ndarray
        (3, E) int64, read-only: source, target and direction of each edge, ordered by source, then
        direction. The direction says where the target stands as seen from the source: 0 itself,
        1 at lower and 2 at higher z in the same row, 3 and 4 in the row before, 5 and 6 in the row
        behind.

    Raises
    ------
    GeometryError
        If there is no such layout.
    """
    edges = sorted(
        (source, direction, target) for source, target, direction in _EDGES[check_layout(layout)]()
    )
    return read_only(np.array(edges, dtype=np.int64).T[[0, 2, 1]])


@cache
def hex_cells(layout: Layout = "physical") -> IntArray:
    """Return the nodes' places on an axial grid, where every direction is one and the same step.

    On this grid the neighbours of a node are six of the eight around a cell, so that sums over edges
    are convolutions with a 3 × 3 kernel.

    Parameters
    ----------
    layout
        As for `hex_edges`.

    Returns
    -------
    numpy.ndarray
        (nodes, 2) int64, read-only: row and column, both from 0. An edge of direction d leads from its
        source's cell by ``HEX_STEPS[d]`` to its target's.

    Raises
    ------
    GeometryError
        If there is no such layout.
    """
    edges = hex_edges(layout).T.tolist()
    cells: dict[int, tuple[int, int]] = {0: (0, 0)}
    while len(cells) < sum(hex_rows):
        for source, target, direction in edges:
            if source in cells:
                row, column = cells[source]
                row_step, column_step = HEX_STEPS[direction]
                cells.setdefault(target, (row + row_step, column + column_step))
    placed = np.array([cells[node] for node in range(len(cells))], dtype=np.int64)
    return read_only(placed - placed.min(axis=0))


def _row_of_node() -> IntArray:
    return np.repeat(np.arange(len(hex_rows), dtype=np.int64), hex_rows)


def _edges_by_position() -> Iterator[tuple[int, int, int]]:
    positions, rows = hex_positions(), _row_of_node()
    # Beyond the largest distance of neighbours, far below the next one.
    reach = 1.2 * np.hypot(p.HEX_Z_STEP / 2, p.HEX_RADIUS_STEP)
    step = positions[None, :, :] - positions[:, None, :]
    for source, target in np.argwhere(np.hypot(step[..., 0], step[..., 1]) < reach).tolist():
        if source == target:
            yield source, target, 0
        else:
            side = int(np.sign(step[source, target, 0]))
            yield source, target, _DIRECTIONS[int(rows[target] - rows[source]), side]


def _edges_by_parity() -> Iterator[tuple[int, int, int]]:
    nodes = {(row, column): None for row, n in enumerate(hex_rows) for column in range(n)}
    number = {node: i for i, node in enumerate(nodes)}
    for (row, column), source in number.items():
        yield source, source, 0
        for (row_step, side), direction in _DIRECTIONS.items():
            # In the rows beside it, an even row counts its neighbours from one column earlier.
            column_step = side if row_step == 0 else (side - 1) // 2 + row % 2
            target = number.get((row + row_step, column + column_step))
            if target is not None:
                yield source, target, direction


_EDGES: dict[Layout, Callable[[], Iterator[tuple[int, int, int]]]] = {
    "physical": _edges_by_position,
    "xec-ml-wl": _edges_by_parity,
}
