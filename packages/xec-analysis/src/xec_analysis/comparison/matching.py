"""The same events in the predictions of two networks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xec_analysis.resolution.results import TaskResult

Rows = NDArray[np.int64]

# Truth is stored in single precision by some writers.
_PRECISION = 1e-4


@dataclass(frozen=True)
class Matching:
    """Events that two results have in common.

    Attributes
    ----------
    one, other
        (n,) rows of the two results, event by event the same.
    how
        What the events were recognized by.
    problem
        Why there is none, in a few words; empty if there are events.
    """

    one: Rows
    other: Rows
    how: str
    problem: str = ""

    def __len__(self) -> int:
        return len(self.one)


def match_events(one: TaskResult, other: TaskResult) -> Matching:
    """Find the events that two results of a task have in common.

    Parameters
    ----------
    one, other
        Predictions of the same task.

    Returns
    -------
    Matching
        By run and event number where these tell the events apart in both, else by the entries of files of
        the same length; none if the true values of the events that were found are not the same.
    """
    if _tells_apart(one) and _tells_apart(other):
        keys = [np.column_stack([result.run, result.event]) for result in (one, other)]
        _, numbers = np.unique(np.concatenate(keys), axis=0, return_inverse=True)
        numbers = numbers.ravel()
        _, first, second = np.intersect1d(numbers[: len(one)], numbers[len(one) :], return_indices=True)
        how = "run and event number"
        none = "no event of one has the run and event number of an event of the other"
    elif one.n_events == other.n_events:
        _, first, second = np.intersect1d(one.entries, other.entries, return_indices=True)
        how, none = "entry in the file", "no entry has predictions in both"
    else:
        return _nothing(
            "run and event numbers do not tell their events apart, and they have "
            f"{one.n_events} and {other.n_events} entries"
        )
    if not len(first):
        return _nothing(none)
    truths = one.truth[first], other.truth[second]
    scale = np.abs(truths[0]).max(axis=0)
    wrong = (np.abs(truths[0] - truths[1]) > _PRECISION * scale).any(axis=1)
    if wrong.any():
        return _nothing(f"{int(wrong.sum())} of {len(first)} events with the same {how} have another truth")
    return Matching(first, second, how)


def _tells_apart(result: TaskResult) -> bool:
    keys = np.column_stack([result.run, result.event])
    return bool((result.event >= 0).all()) and len(np.unique(keys, axis=0)) == len(keys)


def _nothing(problem: str) -> Matching:
    empty = np.empty(0, np.int64)
    return Matching(empty, empty, "", problem)
