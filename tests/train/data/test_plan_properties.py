"""The order of an epoch, for any files, batches, processes and workers: every event exactly once."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import numpy as np
from hypothesis import given, strategies as st
from hypothesis.strategies import DrawFn
from tests.few_examples import few_examples

from xec_data.reading.entry_ranges import plan_blocks
from xec_data.reading.shards import Shard
from xec_data.reading.tree_info import TreeInfo
from xec_train.data.plan import EpochPlan, Source, plan_epoch


@st.composite
def sources(draw: DrawFn) -> list[Source]:
    """Files of any size, with clusters anywhere, of which some have chosen events."""
    made = []
    for number in range(draw(st.integers(1, 4))):
        n = draw(st.integers(1, 300))
        starts = sorted({0, *draw(st.lists(st.integers(0, n - 1), max_size=6))})
        chosen = None
        if draw(st.booleans()):
            flags = np.random.default_rng(draw(st.integers(0, 9))).random(n) < draw(st.floats(0, 1))
            chosen = np.flatnonzero(flags)
        made.append(Source(TreeInfo(Path(str(number)), "tree", n, np.array(starts), {}), chosen))
    return made


def entries(plan: EpochPlan, files: list[Source]) -> list[tuple[int, int]]:
    """File and entry of each event, as `locate` finds them."""
    found = []
    for number, start, stop in chain.from_iterable(group.pieces for group in plan.groups):
        shard, rows = files[number].locate(start, stop)
        here = np.arange(shard.start, shard.stop)
        found += [(number, int(entry)) for entry in (here if rows is None else here[rows])]
    return found


def expected(files: list[Source]) -> list[tuple[int, int]]:
    return [
        (number, int(entry))
        for number, file in enumerate(files)
        for entry in (range(file.info.n_entries) if file.selected is None else file.selected)
    ]


@few_examples
@given(
    files=sources(),
    batch_size=st.integers(1, 80),
    group_events=st.integers(1, 500),
    seed=st.one_of(st.none(), st.integers(0, 3)),
    world=st.integers(1, 9),
    workers=st.integers(1, 5),
)
def test_every_event_once(
    files: list[Source], batch_size: int, group_events: int, seed: int | None, world: int, workers: int
) -> None:
    wanted = expected(files)
    world = min(world, max(1, len(wanted)))
    if not wanted:
        return
    plans = [
        plan_epoch(files, batch_size=batch_size, group_events=group_events, seed=seed, rank=rank, world=world)
        for rank in range(world)
    ]
    assert sorted(chain.from_iterable(entries(plan, files) for plan in plans)) == wanted
    assert len({len(plan.batch_sizes) for plan in plans}) == 1
    for plan in plans:
        assert all(0 < size <= batch_size for size in plan.batch_sizes)
        assert max(plan.batch_sizes) - min(plan.batch_sizes) <= 1
        # Workers take turns: all groups of all workers are the groups of the process.
        turns = [plan.groups[worker::workers] for worker in range(workers)]
        assert sorted(group.number for turn in turns for group in turn) == list(range(len(plan.groups)))


@few_examples
@given(
    n=st.integers(1, 400),
    cuts=st.lists(st.integers(0, 399), max_size=8),
    span=st.tuples(st.integers(0, 400), st.integers(0, 400)),
    chunk_size=st.integers(1, 500),
)
def test_chunks_of_a_stretch_cover_it_once(
    n: int, cuts: list[int], span: tuple[int, int], chunk_size: int
) -> None:
    start, stop = sorted(min(edge, n) for edge in span)
    info = TreeInfo(Path("a"), "tree", n, np.array(sorted({0, *(c for c in cuts if c < n)})), {})
    seen: list[int] = []
    for block, chunks in plan_blocks(Shard(Path("a"), start, stop), info, chunk_size):
        assert [*chain.from_iterable(range(c.start, c.stop) for c in chunks)] == [
            *range(block.start, block.stop)
        ]
        assert all(0 < len(chunk) <= chunk_size for chunk in chunks)
        seen += range(block.start, block.stop)
    assert seen == [*range(start, stop)]
