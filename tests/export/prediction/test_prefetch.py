"""Reading ahead keeps the order, passes errors on, and stops when nobody listens."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from xec_export.prediction.prefetch import read_ahead


def test_order() -> None:
    assert list(read_ahead(range(100))) == list(range(100))


def test_nothing() -> None:
    assert list(read_ahead([])) == []


def test_an_error_comes_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise OSError("disk is gone")

    seen = []
    with pytest.raises(OSError, match="disk is gone"):
        for item in read_ahead(items()):
            seen.append(item)  # noqa: PERF402
    assert seen == [1, 2]


def test_it_reads_ahead_but_not_far() -> None:
    made = []

    def items() -> Iterator[int]:
        for i in range(50):
            made.append(i)
            yield i

    ahead = read_ahead(items(), depth=2)
    next(ahead)
    deadline = time.monotonic() + 5
    while len(made) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    # One in use, two waiting, one in the hands of the thread.
    assert len(made) == 4
    ahead.close()  # type: ignore[attr-defined]


def test_the_thread_ends_with_its_consumer() -> None:
    ahead = read_ahead(iter(range(1000)))
    next(ahead)
    ahead.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name == "xec-read-ahead"]
