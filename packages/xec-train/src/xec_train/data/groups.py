"""Shuffled groups of events, read by processes that live as long as the training."""

from __future__ import annotations

import atexit
import signal
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from weakref import WeakSet

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from xec_data.errors import DataError
from xec_data.reading.reader import EventReader
from xec_data.schema.branches import SCHEMA
from xec_geometry.errors import XecError
from xec_train.data.batch import Batch
from xec_train.data.plan import Group, Source
from xec_train.data.reading_processes import ReadingFailure, ended_processes_ignored
from xec_train.data.shared_slots import SharedSlots
from xec_train.engine.interruption import SIGNALS


@dataclass(frozen=True)
class ReadRequest:
    """A request to a process to read a group.

    Attributes
    ----------
    group
        The events.
    key
        Key of their random order; None: the order of the files.
    slot
        Slot to read into; None: new memory.
    """

    group: Group
    key: tuple[int, ...] | None
    slot: int | None


@dataclass(frozen=True)
class FilledSlot:
    """Notice of a process that it has filled a slot."""

    slot: int
    n_events: int


class EventGroups(Dataset[Batch | FilledSlot | ReadingFailure]):
    """Groups of events, read on demand.

    Parameters
    ----------
    reader, sources
        Reader, and the events of each file.
    slots
        Shared memory to read into; None: new memory.
    """

    def __init__(self, reader: EventReader, sources: Sequence[Source], slots: SharedSlots | None) -> None:
        super().__init__()
        self.reader, self.sources, self.slots = reader, sources, slots

    def __getitem__(self, task: ReadRequest) -> Batch | FilledSlot | ReadingFailure:
        try:
            return self._read_group(task)
        except XecError as error:
            return ReadingFailure(str(error))

    def _read_group(self, task: ReadRequest) -> Batch | FilledSlot:
        n_events = len(task.group)
        if self.slots is not None and task.slot is not None:
            self.read(task, self.slots.tensors(task.slot, n_events))
            return FilledSlot(task.slot, n_events)
        events = {name: _allocate(name, n_events) for name in self.reader.branches}
        self.read(task, events)
        return events

    def read(self, task: ReadRequest, events: Batch) -> None:
        """Read a group into tensors, each event straight into its row."""
        row = np.arange(len(task.group))
        if task.key is not None:
            row = np.random.default_rng((*task.key, task.group.number)).permutation(row)
        arrays = {name: tensor.numpy() for name, tensor in events.items()}
        done = 0
        for number, start, stop in task.group.pieces:
            shard, rows = self.sources[number].locate(start, stop)
            chunk = self.reader.read(shard)
            here = row[done : done + stop - start]
            for name, array in arrays.items():
                array[here] = chunk[name] if rows is None else chunk[name][rows]
            done += stop - start


class GroupReader:
    """Reader of groups ahead of their use.

    Processes send groups, not batches: they arrive in their order for any number of processes,
    through shared memory without a copy, and are cut into batches by slicing.

    Parameters
    ----------
    reader, sources
        Reader, and the events of each file.
    largest
        Events in the largest group.
    workers, prefetch
        Reading processes, and groups that each reads ahead.
    """

    def __init__(
        self, reader: EventReader, sources: Sequence[Source], *, largest: int, workers: int, prefetch: int
    ) -> None:
        each = prefetch + _at_hand(workers)
        self._slots = SharedSlots(reader.branches, largest, workers, each) if workers else None
        self._requests = _ReadRequests(workers, self._slots)
        if workers:
            # The processes open the files for themselves.
            reader.close()
        with warnings.catch_warnings():
            # More processes than cores is what the user asked for.
            warnings.simplefilter("ignore", UserWarning)
            self._loader = DataLoader(
                EventGroups(reader, sources, self._slots),
                sampler=self._requests,
                batch_size=None,
                num_workers=workers,
                prefetch_factor=prefetch if workers else None,
                persistent_workers=workers > 0,
                worker_init_fn=_ignore_signals,
                # A separate one: torch would draw from the one that the training's reproducibility rests on.
                generator=torch.Generator(),
            )

        _OPEN.add(self)

    def close(self) -> None:
        """End the processes."""
        # A DataLoader has no public method that ends them at a given moment.
        iterator, self._loader._iterator = self._loader._iterator, None
        if iterator is not None:
            with ended_processes_ignored():
                iterator._shutdown_workers()  # type: ignore[attr-defined]

    def read(self, groups: Sequence[Group], key: tuple[int, ...] | None) -> Iterator[Batch]:
        """Read the groups of one epoch, which has to be exhausted before the next one.

        Parameters
        ----------
        groups
            The groups.
        key
            Key of the random order within a group; None: the order of the files.

        Yields
        ------
        dict of str to Tensor
            The events of each group.

        Raises
        ------
        DataError
            If a file cannot be read any more.
        """
        self._requests.groups, self._requests.key = groups, key
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            arriving = iter(self._loader)
        for group in arriving:
            if isinstance(group, ReadingFailure):
                raise DataError(group.message)
            if self._slots is not None and isinstance(group, FilledSlot):
                yield self._slots.lend(group.slot, group.n_events)
            else:
                yield group


_OPEN: WeakSet[GroupReader] = WeakSet()


@atexit.register
def _close_all() -> None:
    # Python would end them with a signal, which they ignore, and wait.
    for reading in list(_OPEN):
        reading.close()


def max_prefetch(groups: int, workers: int) -> int:
    """Return how many groups each process may read ahead if memory holds `groups` in all."""
    return groups // max(1, workers) - _at_hand(workers)


def _at_hand(workers: int) -> int:
    # Groups of one process that the training has: what it uses, and what it used until just now.
    return 1 if workers > 1 else 2


@dataclass
class _ReadRequests:
    """The groups to read, each with memory that is free when it is given to a process."""

    workers: int
    slots: SharedSlots | None
    groups: Sequence[Group] = ()
    key: tuple[int, ...] | None = None

    def __iter__(self) -> Iterator[ReadRequest]:
        for number, group in enumerate(self.groups):
            # The processes take turns. No slot is free if the training keeps many batches.
            slot = self.slots.take(number % self.workers) if self.slots is not None else None
            yield ReadRequest(group, self.key, slot)


def _allocate(name: str, n: int) -> Tensor:
    branch = SCHEMA[name]
    # Unlike torch, numpy asks for huge pages: filling new memory of this size is mostly page faults else.
    return torch.from_numpy(np.empty((n, *branch.shape), dtype=branch.dtype))


def _ignore_signals(_worker: int) -> None:
    # Signals may reach the whole process group; it is the training that decides when to stop.
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
