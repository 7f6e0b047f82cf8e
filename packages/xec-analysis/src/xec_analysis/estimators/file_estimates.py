"""Estimators over the events of a file, some events at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xec_analysis.likelihood.cramer_rao_bound import cramer_rao_bound
from xec_data.reading.chunk import EventChunk
from xec_data.reading.reader import EventReader
from xec_data.schema.branches import SENSOR_BRANCHES

Estimates = dict[str, NDArray[np.float64]]
"""Task → (n, outputs) in xec's units."""

Estimator = Callable[[EventChunk], Estimates]
"""From readings of n events to estimates."""

_CHUNK = 500


def smallest_sigma(chunk: EventChunk) -> Estimates:
    """Return the Cramér–Rao bound of point events where those of a chunk are, with its dead sensors if known.

    Parameters
    ----------
    chunk
        With `uvwTruth` and `energyTruth`, and perhaps `dead`.
    """
    return cramer_rao_bound(chunk["uvwTruth"], chunk["energyTruth"], dead=chunk.get("dead")).by_task()


def estimate_chunks(
    estimator: Estimator, path: str | Path, branches: Sequence[str] = SENSOR_BRANCHES
) -> Iterator[tuple[EventChunk, Estimates]]:
    """Run an estimator over a file, and yield what it says beside the events.

    Parameters
    ----------
    estimator
        The estimator.
    path
        The file.
    branches
        What is read; `dead`, too, if the file has it.

    Raises
    ------
    DataError
        If the file cannot be read.
    """
    with EventReader(path, branches, optional=("dead",), chunk_size=_CHUNK) as reader:
        for chunk in reader:
            yield chunk, estimator(chunk)


def estimate_file(
    estimator: Estimator, path: str | Path, branches: Sequence[str] = SENSOR_BRANCHES
) -> Estimates:
    """Run an estimator over all events of a file, in their order; parameters as for `estimate_chunks`."""
    parts = [estimates for _, estimates in estimate_chunks(estimator, path, branches)]
    return {task: np.concatenate([part[task] for part in parts]) for task in parts[0]}
