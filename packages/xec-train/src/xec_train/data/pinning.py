"""Batches in pinned memory, from which a GPU copies while it computes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import torch

from xec_train.data.batch import Batch


def pinned(groups: Iterable[Batch]) -> Iterator[Batch]:
    """Copy groups of events into pinned memory, one ahead, in a separate thread.

    Parameters
    ----------
    groups
        Groups; from now on only that thread may use the iterator.

    Yields
    ------
    dict of str to Tensor
        The copies.
    """
    iterator = iter(groups)

    def fetch() -> Batch | None:
        group = next(iterator, None)
        return group and {name: tensor.pin_memory() for name, tensor in group.items()}

    # A new thread would use the first GPU, not that of this process.
    device = torch.cuda.current_device() if torch.cuda.is_available() else None
    with ThreadPoolExecutor(1, initializer=_use, initargs=(device,)) as thread:
        coming = thread.submit(fetch)
        while (group := coming.result()) is not None:
            coming = thread.submit(fetch)
            yield group


def _use(device: int | None) -> None:
    if device is not None:
        torch.cuda.set_device(device)
