"""A thread for what may hang or fail: nobody waits for it, and nothing is done twice or silently lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from xec_train.tracking.background import Background

PATIENCE = 60.0  # only a bug takes so long


class PassingError(Exception):
    """Gone at the next attempt."""


def is_transient(error: Exception) -> bool:
    return isinstance(error, PassingError)


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What a job can wait for; opened in the end, so that no thread stays behind."""
    event = threading.Event()
    yield event
    event.set()


def test_jobs_are_done_in_their_order() -> None:
    done: list[int] = []
    background = Background(is_transient, pytest.fail)
    for number in range(100):
        background.submit(lambda number=number: done.append(number))
    assert background.close(PATIENCE)
    assert done == list(range(100))
    assert background.lost == 0


def test_submitting_does_not_wait_for_a_job_that_hangs(gate: threading.Event) -> None:
    begun = threading.Event()

    def hang() -> None:
        begun.set()
        gate.wait()

    background = Background(is_transient, pytest.fail)
    background.submit(hang)
    assert begun.wait(PATIENCE)
    for _ in range(50):
        background.submit(lambda: None)
    # All of them are in the queue although the thread has not moved: nothing was done here.
    assert not gate.is_set()
    assert background.waiting == 50
    gate.set()
    assert background.close(PATIENCE)


def test_a_full_queue_loses_what_comes_and_says_so_once(gate: threading.Event) -> None:
    begun = threading.Event()
    done: list[int] = []
    troubles: list[str] = []

    def hang() -> None:
        begun.set()
        gate.wait()

    background = Background(is_transient, lambda error: troubles.append(str(error)), limit=3)
    background.submit(hang)
    assert begun.wait(PATIENCE)
    for number in range(10):
        background.submit(lambda number=number: done.append(number))
    assert background.waiting == 3
    assert background.lost == 7
    gate.set()
    assert not background.close(PATIENCE)
    assert done == [0, 1, 2]
    assert troubles == ["it is slow, 3 calls wait for it"]


def test_what_fails_in_passing_is_tried_again_before_anything_else() -> None:
    done: list[str] = []
    troubles: list[Exception] = []
    recovered = threading.Event()

    def fails_twice() -> None:
        if len(troubles) < 2:
            raise PassingError
        done.append("first")

    background = Background(is_transient, troubles.append, first_pause=0.001)
    background.submit(fails_twice)
    background.submit(lambda: done.append("second"))
    background.submit(recovered.set)
    assert recovered.wait(PATIENCE)
    assert background.close(PATIENCE)
    assert done == ["first", "second"]
    assert len(troubles) == 2


def test_what_can_never_work_is_lost_alone() -> None:
    done: list[str] = []
    troubles: list[Exception] = []

    def wrong() -> None:
        raise ValueError("wrong")

    background = Background(is_transient, troubles.append)
    background.submit(wrong)
    background.submit(lambda: done.append("second"))
    assert not background.close(PATIENCE)
    assert background.lost == 1
    assert done == ["second"]
    assert len(troubles) == 1


def test_the_end_is_one_last_attempt() -> None:
    attempts: list[int] = []
    troubles: list[Exception] = []

    def fail() -> None:
        attempts.append(1)
        raise PassingError

    # The pause before a second attempt is longer than any test: the end cuts it short.
    failed = threading.Event()
    background = Background(
        is_transient, lambda error: (troubles.append(error), failed.set()), first_pause=10 * PATIENCE
    )
    for _ in range(3):
        background.submit(fail)
    assert failed.wait(PATIENCE)
    assert not background.close(PATIENCE)
    # The first job twice; the others are given up with it.
    assert len(attempts) == 2
    assert background.lost == 3


def test_the_end_does_not_wait_longer_than_allowed(gate: threading.Event) -> None:
    troubles: list[str] = []
    background = Background(is_transient, lambda error: troubles.append(str(error)))
    background.submit(gate.wait)
    assert not background.close(0.05)
    assert troubles == ["no answer within 0.05 s"]
