"""Checks that truth and readings are valid."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xec_data.errors import DataError
from xec_data.reading.shards import Shard
from xec_data.schema.branches import SCHEMA, TRUTH_BRANCHES, is_invalid


def check_truth(arrays: Mapping[str, NDArray[Any]] | Any, source: Shard | str | Path) -> None:
    """Check that every truth value is valid.

    Parameters
    ----------
    arrays
        Name of the schema → array; everything but truth branches is ignored. An `EventChunk` will do.
    source
        Where the arrays come from: the shard of a chunk, or the name of a file.

    Raises
    ------
    DataError
        If a value is NaN, infinite or 1e10, with file, branch, first entry and count.
    """
    path, first = (source.path, source.start) if isinstance(source, Shard) else (source, 0)
    for name in TRUTH_BRANCHES:
        if name not in arrays:
            continue
        values = np.asarray(arrays[name])
        bad = is_invalid(values).reshape(len(values), -1).any(axis=1)
        if bad.any():
            entry = int(np.argmax(bad))
            no_value = np.isfinite(values[entry]).all()
            raise DataError(
                f"{path}, branch '{name}': entry {first + entry} is {_show(values[entry])}"
                f"{' (no value, as in events of 0 photons)' if no_value else ''}, "
                f"{_count(int(bad.sum()), len(values))} like it; expected {SCHEMA[name].meaning}"
            )


def check_readings(npho: NDArray[Any], source: Shard | str | Path) -> None:
    """Check that at least one photon count is valid.

    Parameters
    ----------
    npho
        Photon counts, any shape.
    source
        Where they come from.

    Raises
    ------
    DataError
        If every single one is invalid.
    """
    if npho.size and is_invalid(npho).all():
        path = source.path if isinstance(source, Shard) else source
        raise DataError(
            f"{path}, branch 'npho': all readings of the first {len(npho)} events are invalid "
            f"(above 9e9 or NaN); expected photons"
        )


def _show(value: Any) -> str:
    return np.array2string(np.asarray(value), precision=4, separator=", ")


def _count(bad: int, total: int) -> str:
    return f"{bad} of {total} events {'is' if bad == 1 else 'are'}"
