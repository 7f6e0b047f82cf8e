"""Checkpoints of the earlier system ``xec-ml-wl``: their content, and a check of their tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from xec_geometry import FaceName, Layout, hex_edges, index_map
from xec_models.checkpoint.plain import load_plain
from xec_models.errors import CheckpointError

SYSTEM: Layout = "xec-ml-wl"
STATE, AVERAGED = "model_state_dict", "ema_state_dict"
WRAPPERS = ("module.", "_orig_mod.")

# Start of the encoder's names -> kind of the network.
ENCODERS = {"backbone.": "regressor", "encoder.": "mae"}
# Tables that follow from the layout: faces of the indices, and graphs.
INDEX_TABLES: dict[str, FaceName] = {"top_hex_indices": "top", "bottom_hex_indices": "bottom"}
GRAPH_TABLES = ("hex_edge_index", "adj_matrix")


@dataclass(frozen=True)
class EarlierFile:
    """A checkpoint of ``xec-ml-wl``.

    Attributes
    ----------
    path
        Its name.
    kind
        ``regressor`` or ``mae``.
    state, averaged
        Parameters without the prefixes of wrappers, tables and counters; `averaged` may be None.
    tables
        Names of the tables that were found, and agree with the layout.
    counters
        Names of entries that are no parameters.
    config
        Its dictionary of settings.
    epoch
        Last epoch, None if not stated.
    """

    path: Path
    kind: str
    state: dict[str, Tensor]
    averaged: dict[str, Tensor] | None
    tables: tuple[str, ...]
    counters: tuple[str, ...]
    config: dict[str, Any]
    epoch: int | None

    @property
    def prefix(self) -> str:
        """Start of the names of the encoder's parameters."""
        return next(prefix for prefix, kind in ENCODERS.items() if kind == self.kind)


def read_earlier(path: str | Path) -> EarlierFile:
    """Read a checkpoint of the earlier system; nothing in it is executed.

    Raises
    ------
    CheckpointError
        If it cannot be read, holds pickled objects, is no such checkpoint, or was trained on other
        tables of neighbours and indices.
    """
    path = Path(path)
    content = load_plain(path)
    if isinstance(content, Mapping) and "format_version" in content:
        raise CheckpointError(f"{path} is a checkpoint of xec already: nothing to convert")
    found = ", ".join(map(str, list(content)[:8])) if isinstance(content, Mapping) else type(content).__name__
    for key in (STATE, "config"):
        if not isinstance(content, Mapping) or not isinstance(content.get(key), Mapping):
            raise CheckpointError(
                f"{path} is no checkpoint of {SYSTEM}: expected the dictionary '{key}', "
                f"found {found or 'nothing'}"
            )
    assert isinstance(content, Mapping)
    state, tables, counters = _sorted(content[STATE])
    kind = next(
        (kind for start, kind in ENCODERS.items() if any(name.startswith(start) for name in state)), None
    )
    # The earlier inpainter has an encoder too, but no decoders.
    decoded = any(name.startswith("dec_") for name in state)
    if kind is None or (kind == "mae" and not decoded):
        raise CheckpointError(
            f"{path} holds no network that can be converted: found {', '.join(_starts(state)) or 'nothing'}; "
            "expected backbone.* and heads.* (a regressor), or encoder.* and dec_* (a masked autoencoder)"
        )
    averaged = None
    if content.get(AVERAGED):
        averaged, more_tables, more_counters = _sorted(content[AVERAGED])
        tables |= more_tables
        counters = (*counters, *more_counters)
    _check_tables(path, tables)
    epoch = content.get("epoch")
    return EarlierFile(
        path,
        kind,
        state,
        averaged,
        tuple(tables),
        tuple(dict.fromkeys(counters)),
        dict(content["config"]),
        epoch if isinstance(epoch, int) else None,
    )


def _sorted(
    stored: Mapping[str, Any],
) -> tuple[dict[str, Tensor], dict[str, Tensor], tuple[str, ...]]:
    """Return parameters, tables and the names of all other entries."""
    parameters, tables, rest = {}, {}, []
    for stored_name, value in stored.items():
        name = str(stored_name)
        while name.startswith(WRAPPERS):
            name = name.split(".", 1)[1]
        if name.rsplit(".", 1)[-1] in (*INDEX_TABLES, *GRAPH_TABLES):
            tables[name] = value
        elif isinstance(value, Tensor) and "." in name:
            parameters[name] = value
        else:
            rest.append(name)
    return parameters, tables, tuple(rest)


def _check_tables(path: Path, tables: Mapping[str, Tensor]) -> None:
    for name, table in tables.items():
        last = name.rsplit(".", 1)[-1]
        if last in INDEX_TABLES:
            same = np.array_equal(table.cpu().numpy(), index_map(INDEX_TABLES[last], SYSTEM))
        else:
            same = _same_graph(table)
        if not same:
            raise CheckpointError(
                f"{path}: the table '{name}' {tuple(table.shape)} is not that of the layout '{SYSTEM}': its "
                "network would see other sensors or neighbours than it was trained on"
            )


def _same_graph(table: Tensor) -> bool:
    """Compare edges (3, E) in any order, or an adjacency matrix, with the layout."""
    edges = hex_edges(SYSTEM)
    values = table.cpu().numpy()
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


def _starts(names: Mapping[str, Tensor]) -> list[str]:
    return list(dict.fromkeys(f"{name.split('.')[0]}.*" for name in names))
