"""Batches from worker processes, in the planned order whatever their number."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field

from xec_data.reading.chunk_size import bounded_chunk_size
from xec_data.reading.reader import EventReader
from xec_data.tasks.task import Task
from xec_geometry.support.processors import available_cores
from xec_train.config.sections import AUTO, DataConfig
from xec_train.data.batch import Batch, with_derived_truth
from xec_train.data.groups import GroupReader, max_prefetch
from xec_train.data.pinning import pinned
from xec_train.data.plan import EpochPlan, Group, Source, batch_begin, ceil_div, n_batches, plan_epoch

GROUPS_IN_MEMORY = 12
"""`chunksize` events are split among the groups that are being read, wait, and are being used."""

# The training waits for the first group of an epoch: it is a small part of the epoch, but many batches.
_GROUPS_PER_EPOCH = 32
_BATCHES_PER_GROUP = 16

_MAX_AUTO_WORKERS = 4
_EVENTS_WORTH_A_WORKER = 512


@dataclass
class EventLoader:
    """Epochs of batches from ROOT files.

    Attributes
    ----------
    reader, sources
        Reader, and the events of each file.
    batch_size
        Events in a batch.
    group_events
        Events that are shuffled together.
    workers, prefetch
        Reading processes, and groups that each reads ahead.
    seed
        Seed of the order; None: the order of the files.
    rank, world
        Rank of this process, and the number of processes.
    pin
        Whether batches lie in pinned memory, from which a GPU copies while it computes.
    tasks
        Tasks whose truth may have to be derived from several branches.
    """

    reader: EventReader
    sources: Sequence[Source]
    batch_size: int
    group_events: int
    workers: int = 0
    prefetch: int = 1
    seed: int | None = None
    rank: int = 0
    world: int = 1
    pin: bool = False
    tasks: Sequence[Task] = ()
    _reading: GroupReader | None = field(default=None, init=False, repr=False)

    @property
    def n_events(self) -> int:
        """Number of events in an epoch, over all ranks."""
        return sum(map(len, self.sources))

    def __len__(self) -> int:
        return n_batches(self.n_events, self.batch_size, self.world)

    def n_events_in(self, first_batch: int, number: int) -> int:
        """Return the number of events in some batches, from the given one on, over all ranks."""
        begin, end = (
            sum(batch_begin(b, self.n_events, self.batch_size, r, self.world) for r in range(self.world))
            for b in (first_batch, first_batch + number)
        )
        return end - begin

    def plan(self, epoch: int) -> EpochPlan:
        """Plan the order of an epoch."""
        return plan_epoch(
            self.sources,
            batch_size=self.batch_size,
            group_events=self.group_events,
            seed=self.seed,
            epoch=epoch,
            rank=self.rank,
            world=self.world,
        )

    def epoch(self, epoch: int = 0, first_batch: int = 0) -> Generator[Batch, None, None]:
        """Yield the batches of an epoch.

        Parameters
        ----------
        epoch
            Its number, on which the order depends.
        first_batch
            First batch to yield; those before are not read.

        Yields
        ------
        dict of str to Tensor
            The batches, on the CPU.
        """
        groups, skip = list(self.plan(epoch).groups), first_batch
        while groups and skip >= len(groups[0].batch_sizes):
            skip -= len(groups.pop(0).batch_sizes)
        key = None if self.seed is None else (self.seed, epoch, self.rank)
        for group, events in zip(groups, self._read(groups, key), strict=True):
            start = 0
            for number, size in enumerate(group.batch_sizes):
                if number >= skip:
                    yield {name: tensor[start : start + size] for name, tensor in events.items()}
                start += size
            skip = 0

    def _read(self, groups: Sequence[Group], key: tuple[int, ...] | None) -> Iterator[Batch]:
        reading, self._reading = self._reading or self._start_reading(), None
        complete = False
        try:
            events = (with_derived_truth(group, self.tasks) for group in reading.read(groups, key))
            yield from pinned(events) if self.pin else events
            complete = True
        finally:
            self.reader.close()
            if complete and self._reading is None:
                self._reading = reading
            else:
                # After an epoch that was abandoned the processes still have requests.
                reading.close()

    def close(self) -> None:
        """End the reading processes; an epoch that follows starts others."""
        if self._reading is not None:
            self._reading.close()
            self._reading = None

    def _start_reading(self) -> GroupReader:
        largest = min(self.n_events, max(1, self.group_events // self.batch_size) * self.batch_size)
        workers = min(self.workers, ceil_div(self.n_events, largest * self.world))
        return GroupReader(
            self.reader, self.sources, largest=largest, workers=workers, prefetch=self.prefetch
        )


def build_loader(
    reader: EventReader,
    sources: Sequence[Source],
    config: DataConfig,
    *,
    seed: int | None,
    rank: int = 0,
    world: int = 1,
    pin: bool = False,
    tasks: Sequence[Task] = (),
    on_machine: int = 1,
    on_cores: int = 1,
) -> tuple[EventLoader, list[str]]:
    """Fit a loader to the configuration and to this machine.

    Parameters
    ----------
    reader, sources, seed, rank, world, pin, tasks
        As in `EventLoader`.
    config
        ``batch_size``, ``chunksize``, ``num_workers`` and ``prefetch_factor``.
    on_machine, on_cores
        Ranks that share the memory of this machine, and the cores of this process.

    Returns
    -------
    EventLoader, list of str
        The loader, and notes for the user.
    """
    n_events = ceil_div(sum(map(len, sources)), world)
    chunk, note = bounded_chunk_size(config.chunksize, reader.branches, processes=on_machine)
    enough = max(n_events // _GROUPS_PER_EPOCH, _BATCHES_PER_GROUP * config.batch_size)
    group_events = max(config.batch_size, min(chunk // GROUPS_IN_MEMORY, enough))
    workers = worker_count(config.num_workers, n_events, on_cores)
    prefetch = max(1, min(config.prefetch_factor, max_prefetch(GROUPS_IN_MEMORY, workers)))
    loader = EventLoader(
        reader, sources, config.batch_size, group_events, workers, prefetch, seed, rank, world, pin, tasks
    )
    return loader, [note] if note and chunk // GROUPS_IN_MEMORY < enough else []


def worker_count(wanted: str | int, n_events: int, on_cores: int = 1) -> int:
    """Return the number of reading processes: the configured one, or what fits the shared cores."""
    if wanted != AUTO:
        return int(wanted)
    if n_events < _EVENTS_WORTH_A_WORKER:
        return 0
    return max(0, min(available_cores() // on_cores - 1, _MAX_AUTO_WORKERS))


def thread_count(wanted: str | int, workers: int, on_cores: int = 1) -> int | None:
    """Return the threads that decompress in each reading process; None: the reader's own choice."""
    if wanted != AUTO:
        return int(wanted)
    if on_cores == 1 and not workers:
        return None
    return max(1, available_cores() // (on_cores * max(1, workers)))
