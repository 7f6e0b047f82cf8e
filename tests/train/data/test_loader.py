"""Batches: every event once, in an order that the number of processes does not change."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch

from xec_data.reading.reader import EventReader
from xec_train.config.sections import DataConfig
from xec_train.data.events import open_events
from xec_train.data.loader import EventLoader, build_loader, worker_count
from xec_train.data.plan import Source

WriteEvents = Callable[..., Path]
SIZES = (40, 33, 7)


@pytest.fixture
def reader(write_events: WriteEvents) -> EventReader:
    first = np.cumsum((0, *SIZES))
    files = [write_events(f"{i}.root", n, 4, int(first[i])) for i, n in enumerate(SIZES)]
    return EventReader(files, ["npho", "time", "energyTruth"], optional=["run", "event"], num_threads=1)


def loader(reader: EventReader, workers: int = 0, seed: int | None = 5) -> EventLoader:
    return EventLoader(reader, [Source(tree) for tree in reader.trees], 8, 24, workers, seed=seed)


def numbers(batches: list[dict[str, torch.Tensor]]) -> list[list[int]]:
    return [batch["event"].tolist() for batch in batches]


def test_every_event_once_with_its_own_readings(reader: EventReader) -> None:
    batches = list(loader(reader).epoch(1))
    assert sorted(chain.from_iterable(numbers(batches))) == list(range(sum(SIZES)))
    for batch in batches:
        assert batch["npho"][:, 0].tolist() == batch["event"].tolist()
        assert set(batch["run"].tolist()) == {7}
    assert len(batches) == len(loader(reader)) == 10


@pytest.mark.parametrize("workers", [1, 3])
def test_order_does_not_depend_on_the_number_of_workers(reader: EventReader, workers: int) -> None:
    alone, many = list(loader(reader).epoch(2)), list(loader(reader, workers).epoch(2))
    assert numbers(alone) == numbers(many)
    for a, b in zip(alone, many, strict=True):
        assert torch.equal(a["npho"], b["npho"])


def test_order_changes_with_seed_and_epoch(reader: EventReader) -> None:
    orders = [numbers(list(loader(reader, seed=s).epoch(e))) for s, e in ((5, 0), (5, 1), (6, 0), (5, 0))]
    assert orders[0] == orders[3]
    assert orders[0] != orders[1]
    assert orders[0] != orders[2]


@pytest.mark.parametrize("first", [1, 3, 4, 9, 10])
def test_beginning_in_the_middle_gives_the_rest(reader: EventReader, first: int) -> None:
    whole = numbers(list(loader(reader).epoch(3)))
    assert numbers(list(loader(reader).epoch(3, first))) == whole[first:]


def test_validation_is_in_the_order_of_the_files(reader: EventReader) -> None:
    batches = list(loader(reader, seed=None).epoch())
    assert list(chain.from_iterable(numbers(batches))) == list(range(sum(SIZES)))


def test_reading_draws_nothing_from_the_random_numbers_of_training(reader: EventReader) -> None:
    before = torch.get_rng_state()
    list(loader(reader).epoch(0))
    list(loader(reader, workers=1).epoch(0))
    assert torch.equal(before, torch.get_rng_state())


def test_only_events_inside_the_fiducial_volume(write_events: WriteEvents) -> None:
    path = write_events("a.root", 60, 5)
    config = DataConfig.model_validate(
        {"train_path": "x", "val_path": "x", "batch_size": 8, "fiducial": {"enabled": True}}
    )
    events = open_events([str(path)], ["uvwTruth"], config, optional=["event"])
    loader, _ = build_loader(events.reader, events.sources, config, seed=0)
    batches = list(loader.epoch())
    u = torch.cat([batch["uvwTruth"][:, 0] for batch in batches])
    seen = sorted(torch.cat([batch["event"] for batch in batches]).tolist())
    everything = EventReader(path, ["uvwTruth"]).read(events.reader.shards[0])["uvwTruth"]
    assert u.abs().max() < 23.9
    assert seen == np.flatnonzero(np.abs(everything[:, 0]) < 23.9).tolist()
    assert 0 < len(seen) < 60


def test_reading_processes_live_as_long_as_the_loader(reader: EventReader) -> None:
    processes = []
    several = loader(reader, 2)
    alone = loader(reader)
    for epoch in range(3):
        assert numbers(list(several.epoch(epoch))) == numbers(list(alone.epoch(epoch)))
        processes.append({child.pid for child in multiprocessing.active_children()})
    assert len(processes[0]) == 2
    assert processes[0] == processes[1] == processes[2]


def test_an_epoch_left_early_leaves_nothing_to_the_next_one(reader: EventReader) -> None:
    several = loader(reader, 2)
    left = several.epoch(0)
    first = [next(left) for _ in range(4)]
    left.close()
    assert numbers(list(several.epoch(1))) == numbers(list(loader(reader).epoch(1)))
    assert numbers(first) == numbers(list(loader(reader).epoch(0)))[:4]


def test_two_epochs_at_once(reader: EventReader) -> None:
    several, alone = loader(reader, 1), loader(reader)
    both = [
        (a["event"].tolist(), b["event"].tolist())
        for a, b in zip(several.epoch(0), several.epoch(1), strict=True)
    ]
    assert both == list(zip(*(numbers(list(alone.epoch(e))) for e in (0, 1)), strict=True))


@pytest.mark.parametrize("workers", [1, 4])
def test_groups_stay_within_the_chunk_size(reader: EventReader, workers: int) -> None:
    config = DataConfig.model_validate(
        {"train_path": "x", "val_path": "x", "batch_size": 2, "chunksize": 100, "num_workers": workers}
    )
    sources = [Source(tree) for tree in reader.trees]
    built, notes = build_loader(reader, sources, config, seed=0)
    at_hand = 1 if workers > 1 else 2
    assert built.workers * (built.prefetch + at_hand) * built.group_events <= 100
    assert built.prefetch == 2
    assert notes == []


def test_small_files_are_read_without_processes() -> None:
    assert worker_count("auto", 100) == 0
    assert worker_count(3, 100) == 3


PROGRAM = """
import sys
from xec_data.reading.reader import EventReader
from xec_train.data.loader import EventLoader
from xec_train.data.plan import Source

reader = EventReader(sys.argv[1], ["npho"])
loader = EventLoader(reader, [Source(tree) for tree in reader.trees], 8, 24, workers=1, seed=1)
loader.itself = loader
assert len(list(loader.epoch())) == 5
started = EventLoader(reader, loader.sources, 8, 24, workers=1, seed=1).epoch()
next(started)
kept = [started]
kept.append(kept)
"""


def test_python_ends_also_with_epochs_that_nobody_closed(write_events: WriteEvents) -> None:
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, str(write_events("a.root", 40, 4, 0))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
