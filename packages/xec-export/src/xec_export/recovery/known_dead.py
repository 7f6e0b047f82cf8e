"""The sensors that are known as dead, event by event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xec_data.dead_channels.sources import DeadChannelSource

Bools = NDArray[np.bool_]


class KnownDead:
    """What some sources together say of the sensors: one is dead if one of them says so.

    Parameters
    ----------
    sources
        At least one.
    """

    def __init__(self, sources: Sequence[DeadChannelSource]) -> None:
        self._sources = list(sources)
        self._of_run: dict[int | None, Bools] = {}

    def of_events(self, runs: NDArray[Any] | None, n_events: int) -> Bools:
        """Return the dead sensors of events, (n, N_SENSORS).

        Parameters
        ----------
        runs
            (n,) numbers of their runs; None if the events have none.
        n_events
            Number of events.

        Raises
        ------
        DataError
            If a source does not know a run.
        """
        if runs is None:
            return np.repeat(self._of(None)[None], n_events, axis=0)
        numbers, row = np.unique(np.asarray(runs).reshape(-1), return_inverse=True)
        by_run = np.stack([self._of(int(run)) for run in numbers.tolist()])
        return np.take(by_run, row, axis=0)

    def _of(self, run: int | None) -> Bools:
        if run not in self._of_run:
            lists = [source.dead(run) for source in self._sources]
            self._of_run[run] = np.any(np.stack(lists), axis=0)
        return self._of_run[run]
