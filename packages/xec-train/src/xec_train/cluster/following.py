"""Waiting for the end of a job, and how it went."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xec_geometry.cli.exit_codes import INTERNAL_ERROR, INTERRUPTED, USER_ERROR
from xec_train.cluster.failures import Failure, find_failure
from xec_train.cluster.job_folder import JobFolder, JobRecord
from xec_train.cluster.slurm import JobState, exit_code, job_states

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 15.0  # seconds
_COMPLETED = "COMPLETED"
_FAILED = ("FAILED", "OUT_OF_MEMORY", "BOOT_FAIL", "DEADLINE")
_OWN_CODES = (USER_ERROR, INTERNAL_ERROR, INTERRUPTED)
_OTHER = 1

UNKNOWN = "UNKNOWN"
"""State of a job that SLURM has forgotten."""


@dataclass(frozen=True)
class Ended:
    """How a job ended.

    Attributes
    ----------
    state
        Its state; ``UNKNOWN`` if SLURM has forgotten it.
    failure
        Why it failed; None if it did not.
    exit_code
        0; that of the command; 75 if it was interrupted.
    """

    state: JobState
    failure: Failure | None
    exit_code: int


def wait_for(folder: JobFolder, record: JobRecord, tell: Callable[[JobState], None]) -> list[Ended]:
    """Wait until a job, or all jobs of an array, have ended.

    Parameters
    ----------
    folder, record
        The job.
    tell
        Called with every new state of a job.

    Raises
    ------
    ClusterError
        If SLURM does not answer.
    """
    told: dict[str, str] = {}
    pause = _FIRST_PAUSE
    while True:
        states = job_states(record.job, record.cluster)
        new = [state for state in states if told.get(state.job) != state.state]
        for state in new:
            told[state.job] = state.state
            tell(state)
        if not any(state.is_alive for state in states):
            return how_it_ended(folder, record, states)
        pause = _FIRST_PAUSE if new else min(1.5 * pause, _LONGEST_PAUSE)
        time.sleep(pause)


def how_it_ended(folder: JobFolder, record: JobRecord, states: Sequence[JobState]) -> list[Ended]:
    """Say of every job that has ended how it ended."""
    return [
        _ended(folder, record, state)
        for state in states or [JobState(record.job, UNKNOWN)]
        if not state.is_alive
    ]


def _ended(folder: JobFolder, record: JobRecord, state: JobState) -> Ended:
    if state.state == _COMPLETED:
        return Ended(state, None, 0)
    failure = find_failure(folder, state.job)
    if state.state == UNKNOWN:
        return Ended(state, failure if failure.message else None, _OTHER if failure.message else 0)
    if state.state not in _FAILED:
        return Ended(state, failure, INTERRUPTED)
    code = exit_code(state.job, record.cluster)
    return Ended(state, failure, code if code in _OWN_CODES else _OTHER)
