"""Samples of the events of a training."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from xec_data.reading.chunk import EventChunk
from xec_train.data.events import Events

_STRETCHES = 20


def sample(events: Events, size: int) -> Iterator[EventChunk | dict[str, np.ndarray]]:
    """Read about `size` events, or all if there are fewer, in stretches spread evenly over them.

    Parameters
    ----------
    events
        Events of a training.
    size
        Number of events.
    """
    ends = np.cumsum([len(source) for source in events.sources])
    total = int(ends[-1])
    n_stretches = _STRETCHES if total > size else 1
    length = min(total, size) // n_stretches
    for first in np.linspace(0, total - length, n_stretches).astype(int):
        yield from _stretch(events, ends, int(first), int(first) + length)


def _stretch(
    events: Events, ends: np.ndarray, start: int, stop: int
) -> Iterator[EventChunk | dict[str, np.ndarray]]:
    """Read events `start` to `stop`, counted over all files."""
    for source, end in zip(events.sources, ends, strict=True):
        begin = int(end) - len(source)
        first, last = max(start, begin) - begin, min(stop, int(end)) - begin
        if first < last:
            shard, chosen = source.locate(first, last)
            chunk = events.reader.read(shard)
            yield chunk if chosen is None else {name: values[chosen] for name, values in chunk.items()}
