"""The clock of predicted times, and where its zero stands on the absolute clock of a file.

A network learns times of sensors minus the earliest valid one of the event, `relative_time`, and predicts on
that clock. The conventional time of real data, `timeReco`, is absolute, as is the branch `time` of its files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xec_data.errors import DataError
from xec_data.reading.branch_arrays import read_into
from xec_data.reading.open_trees import OpenTrees
from xec_data.reading.root_files import describe_branch
from xec_data.reading.shards import Shard
from xec_data.reading.tree_info import TreeInfo, check_stored
from xec_data.schema.branches import INVALID, SCHEMA, TIME_BRANCH, Branch, is_invalid
from xec_geometry import N_SENSORS
from xec_models.regressor.predictions import ABSOLUTE_TIME, PREDICTED, TIME_OFFSET

Doubles = NDArray[np.float64]

ABSOLUTE_BRANCH = "time"
"""The branch of the absolute times of the sensors."""

_TIMING = f"{PREDICTED}timing"

# In double: a float32 of a millisecond is known to 60 ps.
_ABSOLUTE = Branch(ABSOLUTE_BRANCH, (N_SENSORS,), "float64", "s", "absolute time per sensor")

_TOLERANCE = 1e-11
"""Largest spread, in s, of one event's differences between absolute and relative times, besides rounding."""


@dataclass
class Clock:
    """The absolute times of some files.

    Parameters
    ----------
    trees
        The trees, with the stored name of the times that the network gets.
    trained_on
        The branch of the times that the network was trained on.
    """

    trees: Sequence[TreeInfo]
    trained_on: str

    def __post_init__(self) -> None:
        self._opened = OpenTrees(self.trees[0].tree)
        self._stored = {tree.path: tree.stored["time"] for tree in self.trees}
        self._n_without: int = 0
        self._n_events: int = 0
        self._subtracted: list[Path] = []
        self._absolute = {tree.path for tree in self.trees if self._has_absolute(tree)}
        self._opened.close()

    @property
    def is_known(self) -> bool:
        """Whether a file has absolute times."""
        return bool(self._absolute)

    def read(self, shard: Shard, time: NDArray[np.float32]) -> tuple[NDArray[np.float32], Doubles]:
        """Return the times for the network, and the absolute time at which they are zero.

        Parameters
        ----------
        shard
            A stretch of a file.
        time
            (n, N_SENSORS) times, as the reader gives them.

        Returns
        -------
        times, offset
            (n, N_SENSORS) float32, and (n,) seconds: NaN where the file does not tell.
        """
        if not self.is_known:
            return time, np.full(len(time), np.nan)
        offset = np.full(len(time), np.nan)
        if shard.path in self._absolute:
            absolute = self._read(shard)
            first = earliest(absolute)
            if shard.path in self._subtracted:
                offset, time = first, minus(absolute, first)
            elif self._stored[shard.path] == ABSOLUTE_BRANCH:
                offset = np.zeros(len(time))
            else:
                offset = difference(absolute, time)
            # Times whose earliest is zero are relative themselves, whatever their branch is called.
            offset[~(np.abs(first) > 0)] = np.nan
        self._n_events += len(time)
        self._n_without += int(np.isnan(offset).sum())
        return time, offset

    def notes(self) -> list[str]:
        """Return notes for the user, when everything has been read."""
        notes = subtraction_notes(self._subtracted)
        if self._n_without:
            notes.append(
                f"{self._n_without} of {self._n_events} events have no absolute time: {TIME_OFFSET} is NaN "
                f"(no valid time, or '{ABSOLUTE_BRANCH}' is not the relative times plus one number)"
            )
        return notes

    def close(self) -> None:
        """Close the files."""
        self._opened.close()

    def _has_absolute(self, tree: TreeInfo) -> bool:
        if tree.stored["time"] == ABSOLUTE_BRANCH:
            if needs_subtraction(tree, self.trained_on):
                self._subtracted.append(tree.path)
            return True
        opened = self._opened[tree.path]
        if tree.stored["time"] != TIME_BRANCH or ABSOLUTE_BRANCH not in opened.keys(
            recursive=True, full_paths=False
        ):
            return False
        try:
            check_stored(describe_branch(opened[ABSOLUTE_BRANCH]), SCHEMA["time"], tree.n_entries, "")
        except DataError:
            # Something else of this name, such as the time of the event.
            return False
        return True

    def _read(self, shard: Shard) -> Doubles:
        tree, checksums = self._opened[shard.path], self._opened.checksums(shard.path)
        times = np.empty((len(shard), N_SENSORS))
        where = f"{shard.path}: tree '{self._opened.tree_name}'"
        with self._opened.unchanged(shard.path):
            read_into(times, tree[ABSOLUTE_BRANCH], _ABSOLUTE, shard.start, shard.stop, where, checksums)
        return times


def needs_subtraction(tree: TreeInfo, trained_on: str) -> bool:
    """Tell whether the times of a file are absolute, and a network wants them relative.

    Parameters
    ----------
    tree
        The tree, inspected for `time` and, as far as it is there, `timeTruth`.
    trained_on
        The branch of the times that the network was trained on.
    """
    # The truth of simulated files is on the clock of their times: they stay as they are.
    return (
        tree.stored["time"] == ABSOLUTE_BRANCH
        and trained_on == TIME_BRANCH
        and "timeTruth" not in tree.stored
    )


def subtraction_notes(paths: Sequence[Path]) -> list[str]:
    """Return the note that the times of these files are made relative; none of no file."""
    if not paths:
        return []
    others = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return [
        f"{paths[0]}{others}: the times of '{ABSOLUTE_BRANCH}' minus the event's earliest enter the network"
    ]


def earliest(times: NDArray[Any]) -> Doubles:
    """Return the earliest valid time of each event (n, sensors), (n,) s; NaN without any."""
    valid = ~is_invalid(times)
    first = np.min(times, axis=1, initial=np.inf, where=valid)
    return np.where(valid.any(axis=1), first, np.nan).astype(np.float64)


def minus(times: Doubles, offset: Doubles) -> NDArray[np.float32]:
    """Subtract an offset (n,) from times (n, sensors); invalid ones stay invalid."""
    invalid = is_invalid(times)
    return np.where(invalid, INVALID, times - np.nan_to_num(offset)[:, None]).astype(np.float32)


def difference(absolute: Doubles, relative: NDArray[np.float32]) -> Doubles:
    """Return the one number (n,) by which all times of an event differ; NaN if it is not one.

    Parameters
    ----------
    absolute, relative
        (n, sensors) in s; sensors without a valid time in one of them do not count.
    """
    both = ~is_invalid(absolute) & ~is_invalid(relative)
    gap = np.where(both, absolute - relative, 0.0)
    number = both.sum(axis=1)
    high = gap.max(axis=1, initial=-np.inf, where=both)
    low = gap.min(axis=1, initial=np.inf, where=both)
    largest = np.abs(absolute).max(axis=1, initial=0.0, where=both)
    is_one = (number > 0) & (high - low <= _TOLERANCE + 4 * np.finfo(np.float32).eps * largest)
    return np.where(is_one, gap.sum(axis=1) / np.maximum(number, 1), np.nan)


def absolute_columns(columns: Mapping[str, NDArray[Any]], offset: Doubles) -> dict[str, NDArray[Any]]:
    """Return the predicted time on the absolute clock, if a network predicts the time.

    Parameters
    ----------
    columns
        Its predictions, named as in files.
    offset
        (n,) the absolute time of the clock's zero, in s.

    Returns
    -------
    dict
        ``pred_timing_absolute``, (n,) float64, or nothing.
    """
    if _TIMING not in columns:
        return {}
    return {ABSOLUTE_TIME: columns[_TIMING].astype(np.float64) + offset}
