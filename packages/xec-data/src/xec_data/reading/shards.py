"""Division of the events of many files into equal shards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from xec_data.errors import DataError
from xec_data.reading.tree_info import TreeInfo

_SNAP = 0.02
"""Fraction by which a shard may grow or shrink to end at the end of a cluster."""


@dataclass(frozen=True)
class Shard:
    """The events ``start`` to ``stop`` (exclusive) of a file."""

    path: Path
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


def whole_trees(trees: Sequence[TreeInfo]) -> list[Shard]:
    """Return one shard per file, with all its events."""
    return [Shard(tree.path, 0, tree.n_entries) for tree in trees]


def even_edge(number: int, parts: int, stop: int, start: int = 0) -> int:
    """Return where a part begins if a range is cut into parts that are equal to within one.

    Parameters
    ----------
    number
        Which part, from 0; `parts` gives the end of the range.
    parts
        Number of parts.
    stop, start
        The range, `stop` excluded.
    """
    return start + number * (stop - start) // parts


def plan_shards(trees: Sequence[TreeInfo], n: int) -> list[list[Shard]]:
    """Split the events of all files into `n` nearly equal shares, every event in exactly one.

    A share ends with a cluster if one ends near enough; otherwise the cluster is split, because the
    shares' equality saves more time than the second decompression costs.

    Parameters
    ----------
    trees
        The files.
    n
        Number of shares.

    Returns
    -------
    list of list of Shard
        `n` lists, in the order of files and entries. With fewer events than shares some are empty.

    Raises
    ------
    DataError
        If `n` is not positive.
    """
    if n < 1:
        raise DataError(f"{n} shards; expected at least 1")
    file_starts = np.concatenate([[0], np.cumsum([tree.n_entries for tree in trees])]).astype(np.int64)
    total = int(file_starts[-1])
    clusters = np.concatenate(
        [tree.cluster_starts + start for tree, start in zip(trees, file_starts, strict=False)] + [[total]]
    )
    cuts = [0]
    for k in range(1, n):
        ideal = even_edge(k, n, total)
        nearest = int(clusters[np.argmin(np.abs(clusters - ideal))])
        near = abs(nearest - ideal) <= _SNAP * total / n
        cuts.append(max(cuts[-1], nearest if near else ideal))
    cuts.append(total)
    return [
        [
            Shard(tree.path, max(begin, int(first)) - int(first), min(end, int(last)) - int(first))
            for tree, first, last in zip(trees, file_starts[:-1], file_starts[1:], strict=True)
            if max(begin, first) < min(end, last)
        ]
        for begin, end in pairwise(cuts)
    ]
