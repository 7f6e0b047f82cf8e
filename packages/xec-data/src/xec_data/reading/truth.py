"""Truth of all events in memory at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xec_data.errors import DataError
from xec_data.reading.reader import EventReader
from xec_data.reading.shards import Shard
from xec_data.reading.tree_info import schema_branch
from xec_data.schema.branches import SCHEMA, TREE_NAME


def read_truth(
    files: str | Path | Sequence[str | Path],
    branches: Iterable[str],
    *,
    optional: Iterable[str] = (),
    tree_name: str = TREE_NAME,
    angle_unit: str = "auto",
    shards: Sequence[Shard] | None = None,
) -> dict[str, NDArray[Any]]:
    """Read small branches of all files as a whole, without touching the readings of the sensors.

    Parameters
    ----------
    files, branches, optional, tree_name, angle_unit, shards
        As for `EventReader`; the branches must not have one number per sensor.

    Returns
    -------
    dict of str to numpy.ndarray
        Name → array over all events, emission angles in degrees.

    Raises
    ------
    DataError
        As `EventReader`, or if a branch holds sensor readings.
    """
    branches, optional = list(branches), list(optional)
    for name in (*branches, *optional):
        if schema_branch(name).shape == SCHEMA["npho"].shape:
            raise DataError(f"branch '{name}' has one number per sensor; expected branches with truth")
    reader = EventReader(
        files, branches, optional=optional, tree_name=tree_name, angle_unit=angle_unit, shards=shards
    )
    chunks = list(reader)
    return {
        name: np.concatenate([chunk[name] for chunk in chunks])
        if chunks
        else np.empty((0, *SCHEMA[name].shape), dtype=SCHEMA[name].dtype)
        for name in reader.branches
    }
