"""The tables of sensors and neighbours in a checkpoint of the earlier system, compared with the layout."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from xec_geometry import FACES, GridName, Layout, face_ids, face_of_sensor, hex_edges, index_map
from xec_models.errors import CheckpointError

LAYOUT: Layout = "xec-ml-wl"

# The last part of a table's name, and what the layout has there.
INDEX_TABLES: dict[str, GridName] = {
    "inner_idx": "inner",
    "us_idx": "us",
    "ds_idx": "ds",
    "outer_coarse_idx": "outer_coarse",
    "top_hex_indices": "top",
    "bottom_hex_indices": "bottom",
}
GRAPH_TABLES = ("hex_edge_index", "adj_matrix", "edge_index")
# Compared where the pooling is known.
CELL_TABLES = ("gather_indices", "valid_positions")
# Positions led to other tables of the file, and have no other effect.
UNUSED_TABLES = ("sensor_positions",)


def _other_tables() -> dict[str, NDArray[np.int64]]:
    return {
        "sensor_ids": face_ids("outer"),
        "face_ids": face_of_sensor(),
        "token_face_ids_map": np.arange(len(FACES)),
    }


def is_table(name: str) -> bool:
    """Tell whether an entry of the state is a table, which follows from the layout and the pooling."""
    last = name.rsplit(".", 1)[-1]
    return last in (*INDEX_TABLES, *GRAPH_TABLES, *CELL_TABLES, *UNUSED_TABLES, *_other_tables())


def check_tables(path: Path, tables: Mapping[str, Tensor]) -> None:
    """Compare tables with the layout ``xec-ml-wl``.

    Raises
    ------
    CheckpointError
        Naming the first one that differs.
    """
    others = _other_tables()
    for name, table in tables.items():
        last = name.rsplit(".", 1)[-1]
        values = table.cpu().numpy()
        if last in INDEX_TABLES:
            same = np.array_equal(values, index_map(INDEX_TABLES[last], LAYOUT))
        elif last in GRAPH_TABLES:
            same = _same_graph(values)
        else:
            same = last not in others or np.array_equal(values, others[last])
        if not same:
            raise other_table(path, name, values)


def check_cells(
    path: Path, tables: Mapping[str, Tensor], cells: NDArray[np.int64], padded: NDArray[np.bool_]
) -> None:
    """Compare the cells of the outer sensors with those (sensors, m) of xec; order as there.

    Raises
    ------
    CheckpointError
        If they differ.
    """
    expected = {"gather_indices": np.where(padded, 0, cells), "valid_positions": ~padded}
    for name, table in tables.items():
        last, values = name.rsplit(".", 1)[-1], table.cpu().numpy()
        if last in expected and not np.array_equal(values, expected[last]):
            raise other_table(path, name, values)


def other_table(path: Path, name: str, values: NDArray[np.generic]) -> CheckpointError:
    """Return the error for a table that is not that of the layout."""
    return CheckpointError(
        f"{path}: the table '{name}' {values.shape} is not that of the layout '{LAYOUT}': its "
        "network would see other sensors or neighbours than it was trained on"
    )


def _same_graph(values: NDArray[np.generic]) -> bool:
    """Compare edges (3, E) in any order, or an adjacency matrix, with the layout."""
    edges = hex_edges(LAYOUT)
    if values.ndim == 2 and len(values) == len(edges):
        return {tuple(edge) for edge in values.T} == {tuple(edge) for edge in edges.T}
    if values.ndim == 2 and values.shape[0] == values.shape[1]:
        source, target, _ = edges
        linked = np.zeros(values.shape, bool)
        linked[target, source] = True
        # Both conventions occur: a node is its own neighbour, or is not.
        np.fill_diagonal(linked, val=False)
        own = values != 0
        np.fill_diagonal(own, val=False)
        return linked.shape == own.shape and np.array_equal(own, linked)
    return False
