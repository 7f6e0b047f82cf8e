"""Prefetching in a thread, so that reading and computing overlap."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class _Failure:
    error: BaseException


class _End:
    pass


def read_ahead(items: Iterable[T], depth: int = 1) -> Iterator[T]:
    """Iterate over `items` with a thread that is up to `depth` items ahead.

    Parameters
    ----------
    items
        Iterated over in the thread only.
    depth
        Finished items that may wait. One more is being made, one more is in use: that bounds memory.

    Yields
    ------
    T
        The items in order.

    Raises
    ------
    Exception
        Whatever iterating over `items` raised, at the place where the item would have been.
    """
    waiting: queue.Queue[T | _Failure | _End] = queue.Queue(maxsize=depth)
    stopped = threading.Event()

    def put(item: T | _Failure | _End) -> None:
        # Nobody takes items any more once the consumer has left.
        while not stopped.is_set():
            try:
                waiting.put(item, timeout=0.1)
            except queue.Full:
                continue
            return

    def work() -> None:
        try:
            for item in items:
                put(item)
                if stopped.is_set():
                    return
            put(_End())
        except BaseException as error:
            put(_Failure(error))

    thread = threading.Thread(target=work, name="xec-read-ahead", daemon=True)
    thread.start()
    try:
        while True:
            item = waiting.get()
            if isinstance(item, _End):
                return
            if isinstance(item, _Failure):
                raise item.error
            yield item
    finally:
        stopped.set()
        thread.join()
