"""Shared memory that reading processes fill again and again.

New memory is slow: the kernel clears every page when it is touched first, which takes longer than to
decompress an event into it. A slot is handed to the training without a copy, and is free for the next
group as soon as nobody holds a tensor of it any more.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from xec_data.schema.branches import SCHEMA
from xec_train.data.batch import Batch

_ALIGNMENT = 64


class SharedSlots:
    """Equal pieces of shared memory, each for one group of events.

    Parameters
    ----------
    branches
        Names of the schema.
    n_events
        Largest group.
    processes, per_process
        Reading processes, and the slots of each. It keeps to its own: a process has to map every page that
        it has not written to before.

    Attributes
    ----------
    branches, n_events
        The parameters.
    """

    def __init__(self, branches: Sequence[str], n_events: int, processes: int, per_process: int) -> None:
        self.branches, self.n_events = tuple(branches), n_events
        size = sum(_aligned(n_events * SCHEMA[name].bytes_per_event) for name in branches)
        self._memory = [_shared(size) for _ in range(processes * per_process)]
        self._free = [deque(range(process, len(self._memory), processes)) for process in range(processes)]

    def take(self, process: int) -> int | None:
        """Take a free slot of a process; return None if all of its slots are in use."""
        free = self._free[process]
        return free.popleft() if free else None

    def tensors(self, slot: int, n_events: int) -> Batch:
        """Return the branches of some events in a slot, for the process that fills it."""
        return self._cut(self._memory[slot], n_events)

    def lend(self, slot: int, n_events: int) -> Batch:
        """Return the same for the training: the slot is free again once no tensor of it is alive."""
        memory = self._memory[slot].numpy()[:]
        # All tensors share the storage that keeps this array, and nothing else does.
        weakref.finalize(memory, self._free[slot % len(self._free)].append, slot).atexit = False
        return self._cut(torch.from_numpy(memory), n_events)

    def _cut(self, memory: Tensor, n_events: int) -> Batch:
        tensors, begin = {}, 0
        for name in self.branches:
            branch = SCHEMA[name]
            end = begin + n_events * branch.bytes_per_event
            dtype = torch.from_numpy(np.empty(0, dtype=branch.dtype)).dtype
            tensors[name] = memory[begin:end].view(dtype).view(n_events, *branch.shape)
            begin = _aligned(end)
        return tensors


def _shared(size: int) -> Tensor:
    # `share_memory_` would fill it, which takes all of it from the machine before any is needed.
    storage = torch.UntypedStorage._new_shared(size)  # type: ignore[no-untyped-call]
    return torch.empty(0, dtype=torch.uint8).set_(storage)


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT
