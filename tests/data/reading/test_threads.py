"""Threads share work, stop at an error, and are started anew where they are needed."""

from __future__ import annotations

import pickle
import threading

import pytest

from xec_data.reading.threads import Threads


def test_each_task_is_done_once_by_several_threads() -> None:
    threads, done = Threads(2), []
    both = threading.Barrier(2, timeout=60)

    def task() -> None:
        both.wait()
        done.append(threading.get_ident())

    threads.do([task] * 4)
    assert len(done) == 4
    assert len(set(done)) == 2
    assert threading.get_ident() not in done
    threads.stop()


@pytest.mark.parametrize("number", [1, 3])
def test_the_first_error_is_told_and_work_goes_on_afterwards(number: int) -> None:
    threads, done = Threads(number), []

    def fail() -> None:
        raise ValueError("the second task")

    with pytest.raises(ValueError, match="the second task"):
        threads.do([lambda: done.append(1), fail, fail])
    threads.stop()
    threads.do([lambda: done.append(2), lambda: done.append(3)])
    assert sorted(done) == [1, 2, 3]
    threads.stop()


def test_it_goes_into_other_processes_without_its_threads() -> None:
    threads, done = Threads(2), []
    threads.do([lambda: done.append(1), lambda: done.append(2)])
    other = pickle.loads(pickle.dumps(threads))
    assert other.number == 2
    other.do([lambda: done.append(3), lambda: done.append(4)])
    assert sorted(done) == [1, 2, 3, 4]
    other.stop()
    threads.stop()
