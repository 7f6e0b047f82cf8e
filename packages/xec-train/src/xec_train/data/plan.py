"""The order of the events of an epoch, as a pure function of the files, a seed and a rank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from xec_data.reading.shards import Shard, even_edge
from xec_data.reading.tree_info import TreeInfo
from xec_train.errors import TrainError

Blocks = NDArray[np.int64]
"""Rows (source, start, stop)."""

# A block is what is read at once. Small clusters are joined up to 1/16 of a group, so that a group mixes
# many parts of the files; a cluster is cut only if it would fill half a group, because each part then
# costs the decompression of the whole.
_BLOCKS_PER_GROUP = 16
_LARGEST_BLOCK = 2


@dataclass(frozen=True)
class Source:
    """The events of a file that take part.

    Attributes
    ----------
    info
        The file's tree.
    selected
        Ascending entries that take part; None: all.
    """

    info: TreeInfo
    selected: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return self.info.n_entries if self.selected is None else len(self.selected)

    def locate(self, start: int, stop: int) -> tuple[Shard, NDArray[np.int64] | None]:
        """Return entries that hold the selected events `start` to `stop`, and which to take (None: all)."""
        if self.selected is None:
            return Shard(self.info.path, start, stop), None
        entries = self.selected[start:stop]
        first, last = int(entries[0]), int(entries[-1]) + 1
        return Shard(self.info.path, first, last), entries - first

    def cluster_edges(self) -> NDArray[np.int64]:
        """Return where clusters begin, counted in selected events, and the number of events."""
        starts = self.info.cluster_starts
        if self.selected is not None:
            starts = np.searchsorted(self.selected, starts)
        return np.unique(np.concatenate([[0], starts, [len(self)]]))


@dataclass(frozen=True)
class Group:
    """Events that are shuffled with each other.

    Attributes
    ----------
    number
        Its number in the epoch.
    pieces
        (source, start, stop) in selected events, in the order of the files.
    batch_sizes
        The batches into which it is cut after shuffling.
    """

    number: int
    pieces: tuple[tuple[int, int, int], ...]
    batch_sizes: tuple[int, ...]

    def __len__(self) -> int:
        return sum(self.batch_sizes)


@dataclass(frozen=True)
class EpochPlan:
    """The groups of an epoch, for one rank."""

    groups: tuple[Group, ...]

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """Number of events of every batch of the epoch."""
        return tuple(size for group in self.groups for size in group.batch_sizes)


def ceil_div(number: int, divisor: int) -> int:
    """Divide integers, rounding up."""
    return -(-number // divisor)


def n_batches(n_events: int, batch_size: int, world: int = 1) -> int:
    """Return the number of batches in an epoch, the same on every rank."""
    return ceil_div(ceil_div(n_events, world), batch_size)


def batch_begin(batch: int, n_events: int, batch_size: int, rank: int = 0, world: int = 1) -> int:
    """Return where a batch of a rank begins in the sequence of all events; after the last batch: its end."""
    first, last = (even_edge(number, world, n_events) for number in (rank, rank + 1))
    return even_edge(batch, n_batches(n_events, batch_size, world), last, first)


def plan_epoch(
    sources: Sequence[Source],
    *,
    batch_size: int,
    group_events: int,
    seed: int | None = None,
    epoch: int = 0,
    rank: int = 0,
    world: int = 1,
) -> EpochPlan:
    """Plan an epoch: every event exactly once over all ranks.

    Parameters
    ----------
    sources
        The files.
    batch_size
        Largest number of events in a batch. Batches are equal to within one event.
    group_events
        Events that are shuffled together, at least one batch.
    seed, epoch
        Seed of the order; without seed the events stay in the order of the files.
    rank, world
        Rank of this process, and the number of processes.

    Returns
    -------
    EpochPlan
        The share of this rank; all ranks get the same number of batches.

    Raises
    ------
    TrainError
        If there are fewer events than processes.
    """
    n_events = sum(map(len, sources))
    if n_events < world:
        raise TrainError(f"{n_events} events for {world} processes; expected at least one for each")
    batches_per_group = max(1, group_events // batch_size)
    blocks = _blocks(sources, batches_per_group * batch_size)
    if seed is not None:
        blocks = np.random.default_rng((seed, epoch)).permutation(blocks)
    ends = np.cumsum(blocks[:, 2] - blocks[:, 1])
    number = n_batches(n_events, batch_size, world)
    edges = [batch_begin(batch, n_events, batch_size, rank, world) for batch in range(number + 1)]
    groups = []
    for i, begin in enumerate(range(0, number, batches_per_group)):
        cuts = edges[begin : begin + batches_per_group + 1]
        pieces = _pieces(blocks, ends, cuts[0], cuts[-1])
        groups.append(Group(i, pieces, tuple(end - start for start, end in pairwise(cuts))))
    return EpochPlan(tuple(groups))


def _blocks(sources: Sequence[Source], group_events: int) -> Blocks:
    smallest = max(1, group_events // _BLOCKS_PER_GROUP)
    largest = max(1, group_events // _LARGEST_BLOCK)
    rows: list[tuple[int, int, int]] = []
    for number, source in enumerate(sources):
        start = 0
        for edge in map(int, source.cluster_edges()[1:]):
            if edge - start < smallest and edge < len(source):
                continue
            parts = ceil_div(edge - start, largest)
            cuts = [even_edge(k, parts, edge, start) for k in range(parts + 1)]
            rows += [(number, a, b) for a, b in pairwise(cuts)]
            start = edge
    return np.array(rows, dtype=np.int64).reshape(-1, 3)


def _pieces(
    blocks: Blocks, ends: NDArray[np.int64], begin: int, end: int
) -> tuple[tuple[int, int, int], ...]:
    """Return the parts of blocks at `begin` to `end` of the sequence, neighbours in a file joined."""
    pieces: list[tuple[int, int, int]] = []
    for i in range(int(np.searchsorted(ends, begin, side="right")), len(blocks)):
        source, start, stop = map(int, blocks[i])
        first = int(ends[i]) - (stop - start)
        if first >= end:
            break
        pieces.append((source, start + max(0, begin - first), stop - max(0, first + (stop - start) - end)))
    joined: list[tuple[int, int, int]] = []
    for source, start, stop in sorted(pieces):
        if joined and joined[-1][0] == source and joined[-1][2] == start:
            joined[-1] = (source, joined[-1][1], stop)
        else:
            joined.append((source, start, stop))
    return tuple(joined)
