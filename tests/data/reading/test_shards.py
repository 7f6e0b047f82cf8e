"""Equal shares of the events."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from xec_data import DataError, Shard, TreeInfo, plan_shards
from xec_data.reading.entry_ranges import group_clusters, plan_blocks
from xec_data.reading.shards import even_edge


def tree(name: str, n_entries: int, cluster: int) -> TreeInfo:
    starts = np.arange(0, n_entries, cluster, dtype=np.int64)
    return TreeInfo(Path(name), "tree", n_entries, starts, {"npho": "npho"})


TREES = {
    "one large file": [tree("a", 100_000, 500)],
    "unequal files": [tree("a", 17, 5), tree("b", 1000, 100), tree("c", 3, 3)],
    "one cluster": [tree("a", 1000, 1000)],
    "fewer events than shares": [tree("a", 2, 1), tree("b", 1, 1)],
}


@pytest.mark.parametrize("trees", TREES.values(), ids=TREES.keys())
@pytest.mark.parametrize("n", [1, 2, 3, 8])
def test_every_event_in_exactly_one_share(trees: list[TreeInfo], n: int) -> None:
    shares = plan_shards(trees, n)
    assert len(shares) == n
    found = [
        (str(shard.path), i) for share in shares for shard in share for i in range(shard.start, shard.stop)
    ]
    assert found == [(str(info.path), i) for info in trees for i in range(info.n_entries)]
    assert all(len(shard) > 0 for share in shares for shard in share)


@pytest.mark.parametrize("trees", TREES.values(), ids=TREES.keys())
@pytest.mark.parametrize("n", [2, 3, 8])
def test_the_shares_are_nearly_equal(trees: list[TreeInfo], n: int) -> None:
    ideal = sum(info.n_entries for info in trees) / n
    for share in plan_shards(trees, n):
        assert abs(sum(map(len, share)) - ideal) <= 0.04 * ideal + 1


def test_shares_of_many_clusters_end_with_clusters() -> None:
    for share in plan_shards(TREES["one large file"], 8):
        assert all(shard.start % 500 == 0 and shard.stop % 500 == 0 for shard in share)


def test_no_shares() -> None:
    with pytest.raises(DataError, match="0 shards"):
        plan_shards(TREES["one cluster"], 0)


@pytest.mark.parametrize("at_most", [1, 4, 5, 12, 50])
@pytest.mark.parametrize(("start", "stop"), [(0, 40), (3, 38), (5, 10), (6, 7), (8, 8)])
def test_groups_of_clusters(start: int, stop: int, at_most: int) -> None:
    starts = np.arange(0, 40, 5)
    groups = group_clusters(start, stop, starts, at_most)
    assert [i for first, last in groups for i in range(first, last)] == list(range(start, stop))
    for first, last in groups:
        inside = starts[(starts > first) & (starts < last)]
        assert last - first <= at_most or not len(inside)
    for (first, last), (_, following) in pairwise(groups):
        assert last in starts
        assert min(following, *(starts[starts > last]), stop) - first > at_most


def test_a_long_cluster_is_one_block_with_several_chunks() -> None:
    ((block, chunks),) = plan_blocks(Shard(Path("a"), 0, 10), tree("a", 10, 10), 4)
    assert (block.start, block.stop) == (0, 10)
    assert [(chunk.start, chunk.stop) for chunk in chunks] == [(0, 3), (3, 6), (6, 10)]


def test_a_cluster_too_long_for_the_memory_is_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xec_data.reading.chunk_size.available_memory", lambda: 0)
    blocks = [block for block, _ in plan_blocks(Shard(Path("a"), 0, 10), tree("a", 10, 10), 4)]
    assert [(block.start, block.stop) for block in blocks] == [(0, 3), (3, 6), (6, 10)]


@pytest.mark.parametrize(("start", "stop"), [(0, 17), (5, 6), (3, 103)])
@pytest.mark.parametrize("parts", [1, 3, 8])
def test_edges_of_equal_parts(start: int, stop: int, parts: int) -> None:
    edges = [even_edge(number, parts, stop, start) for number in range(parts + 1)]
    assert (edges[0], edges[-1]) == (start, stop)
    sizes = {end - begin for begin, end in pairwise(edges)}
    assert max(sizes) - min(sizes) <= 1
