"""The geometry in a checkpoint: the positions that a network was made for."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from xec_geometry import N_SENSORS, SensorTable
from xec_geometry.detector.survey import nominal_table
from xec_geometry.support.arrays import read_only
from xec_models.errors import CheckpointError

_SHAPES: dict[str, tuple[int, ...]] = {"positions": (N_SENSORS, 3), "normals": (N_SENSORS, 3)}


def geometry_to_plain(geometry: SensorTable) -> dict[str, Tensor] | None:
    """Convert a geometry to tensors, as a checkpoint holds it; None for the nominal one, which xec knows."""
    if geometry.is_nominal:
        return None
    tables = {
        "positions": geometry.positions,
        "normals": geometry.normals,
        "surveyed": geometry.surveyed,
    }
    return {name: torch.tensor(table) for name, table in tables.items()}


def geometry_from_plain(content: object, source: str) -> SensorTable:
    """Read what `geometry_to_plain` gave.

    Parameters
    ----------
    content
        The value in the checkpoint.
    source
        Name of the file, for messages.

    Raises
    ------
    CheckpointError
        If it is something else.
    """
    if content is None:
        return nominal_table()
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{source}: its geometry is a {type(content).__name__}, expected tables")
    tables = {}
    for name, shape in _SHAPES.items():
        table = content.get(name)
        if not isinstance(table, Tensor) or table.shape != shape or not table.isfinite().all():
            raise CheckpointError(f"{source}: its geometry has no {name} of {shape[0]} sensors")
        tables[name] = read_only(table.cpu().numpy().astype(np.float64))
    surveyed = content.get("surveyed")
    ids = np.arange(N_SENSORS) if not isinstance(surveyed, Tensor) else surveyed.cpu().numpy()
    return SensorTable(tables["positions"], tables["normals"], read_only(ids.astype(np.int64)))
