"""Consecutive events in memory."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import Any

from numpy.typing import NDArray

from xec_data.reading.shards import Shard


class EventChunk:
    """Consecutive events of one file: a mapping from names of the schema to arrays.

    It reads like a dictionary (``chunk["npho"]``, ``"dead" in chunk``, ``dict(chunk)``), but its length is
    the number of events.

    Parameters
    ----------
    arrays
        Name → C-contiguous array with one entry per event.
    shard
        Where the events stand.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]], shard: Shard) -> None:
        self.arrays = dict(arrays)
        self.shard = shard

    def __len__(self) -> int:
        return len(self.shard)

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.arrays[name]

    def __contains__(self, name: object) -> bool:
        return name in self.arrays

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays)

    def __repr__(self) -> str:
        return f"EventChunk({', '.join(self.arrays)}; {self.shard})"

    def keys(self) -> KeysView[str]:
        """Return the names."""
        return self.arrays.keys()

    def values(self) -> ValuesView[NDArray[Any]]:
        """Return the arrays."""
        return self.arrays.values()

    def items(self) -> ItemsView[str, NDArray[Any]]:
        """Return names and arrays."""
        return self.arrays.items()

    def get(self, name: str, default: Any = None) -> Any:
        """Return an array, or `default` if there is none of that name."""
        return self.arrays.get(name, default)
