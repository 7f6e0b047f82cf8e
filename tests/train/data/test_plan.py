"""The order of an epoch: complete, reproducible, equal for all ranks."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import numpy as np
import pytest

from xec_data.reading.tree_info import TreeInfo
from xec_train.data.plan import EpochPlan, Source, plan_epoch
from xec_train.errors import TrainError


def source(name: str, n: int, cluster: int, selected: list[int] | None = None) -> Source:
    info = TreeInfo(Path(name), "tree", n, np.arange(0, n, cluster), {})
    return Source(info, None if selected is None else np.array(selected))


SOURCES = [source("a", 1000, 100), source("b", 37, 10), source("c", 411, 411), source("d", 1, 1)]
N_EVENTS = 1449


def events(plan: EpochPlan) -> list[tuple[int, int]]:
    pieces = chain.from_iterable(group.pieces for group in plan.groups)
    return [(number, i) for number, start, stop in pieces for i in range(start, stop)]


@pytest.mark.parametrize("world", [1, 2, 3, 8])
@pytest.mark.parametrize("batch_size", [7, 64, 2000])
@pytest.mark.parametrize("seed", [None, 3])
def test_every_event_once_over_all_ranks(world: int, batch_size: int, seed: int | None) -> None:
    plans = [
        plan_epoch(SOURCES, batch_size=batch_size, group_events=200, seed=seed, rank=rank, world=world)
        for rank in range(world)
    ]
    seen = sorted(chain.from_iterable(events(plan) for plan in plans))
    assert seen == [(k, i) for k, s in enumerate(SOURCES) for i in range(len(s))]
    assert len({len(plan.batch_sizes) for plan in plans}) == 1
    for plan in plans:
        assert min(plan.batch_sizes) >= 1
        assert max(plan.batch_sizes) <= batch_size
        assert max(plan.batch_sizes) - min(plan.batch_sizes) <= 1
        assert sum(plan.batch_sizes) == len(events(plan))
        for group in plan.groups:
            assert len(group) == sum(stop - start for _, start, stop in group.pieces)


def test_order_depends_on_seed_and_epoch_only() -> None:
    def order(seed: int, epoch: int) -> list[tuple[int, int]]:
        return events(plan_epoch(SOURCES, batch_size=16, group_events=128, seed=seed, epoch=epoch))

    assert order(1, 5) == order(1, 5)
    assert len({tuple(order(*key)) for key in ((1, 5), (1, 6), (2, 5))}) == 3


def test_a_group_mixes_places_that_are_far_apart() -> None:
    plan = plan_epoch([source("a", 10_000, 50)], batch_size=32, group_events=800, seed=0)
    first = events(plan)[: len(plan.groups[0])]
    assert np.std([i for _, i in first]) > 1000


def test_without_seed_the_order_is_that_of_the_files() -> None:
    plan = plan_epoch(SOURCES, batch_size=16, group_events=128)
    assert events(plan) == [(k, i) for k, s in enumerate(SOURCES) for i in range(len(s))]


def test_blocks_follow_clusters() -> None:
    plan = plan_epoch([source("a", 4000, 100)], batch_size=50, group_events=1000, seed=0)
    edges = {edge for group in plan.groups for _, start, stop in group.pieces for edge in (start, stop)}
    # A group may end anywhere; everything else is an edge of a cluster.
    assert len([edge for edge in edges if edge % 100]) <= 2 * len(plan.groups)


def test_selected_events_are_counted_not_entries() -> None:
    chosen = [3, 4, 50, 51, 52, 99]
    plan = plan_epoch([source("a", 100, 10, chosen)], batch_size=4, group_events=4)
    shard, rows = source("a", 100, 10, chosen).locate(1, 4)
    assert sum(plan.batch_sizes) == 6
    assert (shard.start, shard.stop) == (4, 52)
    assert rows is not None
    assert rows.tolist() == [0, 46, 47]


def test_fewer_events_than_processes() -> None:
    with pytest.raises(TrainError, match="1 events for 2 processes"):
        plan_epoch([source("d", 1, 1)], batch_size=4, group_events=4, world=2)
