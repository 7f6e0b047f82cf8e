"""Ranges of entries to read at once: whole clusters as far as the chunk size allows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from xec_data.reading.chunk_size import bounded_chunk_size
from xec_data.reading.shards import Shard
from xec_data.reading.tree_info import TreeInfo


def plan_blocks(shard: Shard, tree: TreeInfo, chunk_size: int) -> Iterator[tuple[Shard, list[Shard]]]:
    """Cut a shard into chunks, and group the chunks of one cluster into a block to be read at once.

    A cluster is decompressed as a whole. So clusters longer than a chunk are read once, if memory allows,
    and handed out in pieces; shorter ones are put together.

    Parameters
    ----------
    shard
        The stretch.
    tree
        Its file.
    chunk_size
        Events per chunk at most.

    Yields
    ------
    Shard, list of Shard
        A block and its chunks.
    """
    for first, last in group_clusters(shard.start, shard.stop, tree.cluster_starts, chunk_size):
        at_once, _ = bounded_chunk_size(max(chunk_size, last - first), tree.stored)
        for start, stop in _steps(first, last, max(chunk_size, at_once)):
            chunks = [Shard(shard.path, *step) for step in _steps(start, stop, chunk_size)]
            yield Shard(shard.path, start, stop), chunks


def group_clusters(start: int, stop: int, starts: NDArray[np.int64], at_most: int) -> list[tuple[int, int]]:
    """Cut a range where clusters begin, into groups as long as possible.

    Parameters
    ----------
    start, stop
        The range.
    starts
        Ascending first entries of the clusters.
    at_most
        Longest group. A single longer cluster is a group of its own.

    Returns
    -------
    list of (int, int)
        The groups in order; together they are the range.
    """
    inside = starts[(starts > start) & (starts < stop)]
    edges = [start, *map(int, inside), stop]
    groups: list[tuple[int, int]] = []
    for first, last in pairwise(edges):
        if groups and last - groups[-1][0] <= at_most:
            groups[-1] = (groups[-1][0], last)
        elif first < last:
            groups.append((first, last))
    return groups


def _steps(start: int, stop: int, at_most: int) -> list[tuple[int, int]]:
    """Cut a range into the fewest pieces of nearly equal length."""
    n = -(-(stop - start) // at_most)
    edges = [start + (stop - start) * i // n for i in range(n + 1)]
    return list(pairwise(edges))
