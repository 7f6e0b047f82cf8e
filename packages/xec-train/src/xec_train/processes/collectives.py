"""What the processes of a training tell each other; with one process none of this does anything.

Every function here has to be called by all processes at the same point of the program: what one of them only
does because of its own clock or its own files is agreed on first. The tensors of the network travel through
the strategy of Fabric; what stands here travels beside them, from processor to processor.
"""

from __future__ import annotations

import gc
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from xec_geometry.errors import XecError
from xec_geometry.support.processors import allowed_cores
from xec_geometry.support.text import first_line
from xec_train.errors import ToldElsewhereError, TrainError

T = TypeVar("T")

_PLACE_IN_GLOO = re.compile(r"^\[[^]]*\] ")

PATIENCE = timedelta(minutes=30)
"""How long a process waits for the others, which may write a checkpoint or compile meanwhile."""


def several() -> bool:
    """Whether there is more than one process."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def leave() -> None:
    """Part from the others at the end of this process.

    Else the threads of gloo are still there when Python ends, and one that has an object of Python to give
    back then aborts the process.
    """
    if dist.is_available() and dist.is_initialized():
        _beside.cache_clear()
        # The network of the training, which is part of a cycle, keeps the threads too.
        gc.collect()
        dist.destroy_process_group()


def rank() -> int:
    """Which process this is."""
    return dist.get_rank() if several() else 0


def gathered(value: T) -> list[T]:
    """The values of all processes, in their order."""
    if not several():
        return [value]
    values: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(values, value, group=_beside(dist.group.WORLD))
    return values


def gathered_by_first(value: T) -> list[T]:
    """The values of all processes for the first one; the others get nothing."""
    if not several():
        return [value]
    values: list[Any] | None = [None] * dist.get_world_size() if rank() == 0 else None
    dist.gather_object(value, values, dst=0, group=_beside(dist.group.WORLD))
    return values or []


def from_first(action: Callable[[], T]) -> T:
    """What an action gives in the first process, which alone does it, for all; also if it is an error."""
    if not several():
        return action()
    result: list[Any] = [None, None]
    if rank() == 0:
        try:
            result[0] = action()
        except XecError as error:
            result[1] = str(error)
            dist.broadcast_object_list(result, 0, group=_beside(dist.group.WORLD))
            raise
    dist.broadcast_object_list(result, 0, group=_beside(dist.group.WORLD))
    if result[1] is not None:
        raise ToldElsewhereError(result[1])
    return result[0]  # type: ignore[no-any-return]


def together(action: Callable[[], T]) -> T:
    """Do something in every process; if it fails in one, it fails in all, and the first one tells why."""
    if not several():
        return action()
    own: XecError | None = None
    result: Any = None
    try:
        result = action()
    except XecError as error:
        own = error
    answers = gathered((socket.gethostname(), None if own is None else str(own)))
    failed = [number for number, (_, message) in enumerate(answers) if message is not None]
    if not failed:
        return result  # type: ignore[no-any-return]
    if rank() == 0 and own is not None:
        raise own
    host, message = answers[failed[0]]
    if failed[0] > 0:
        message = f"{message} (in process {failed[0] + 1} of {len(answers)}, on {host})"
    raise told_by_first(TrainError(message))


def told_by_first(error: XecError) -> XecError:
    """An error that all processes have at the same point, in the form in which each shall raise it."""
    return error if rank() == 0 else ToldElsewhereError(str(error))


def summed(tensor: Tensor) -> Tensor:
    """Add up what the processes have, on the device on which it is; the host does not wait for it."""
    if several():
        dist.all_reduce(tensor)
    return tensor


def smallest(number: int) -> int:
    """The smallest of the numbers that the processes have."""
    return min(gathered(number))


@contextmanager
def connected() -> Iterator[None]:
    """Make one line of what a process sees when another one has ended in the middle of a training."""
    try:
        yield
    except RuntimeError as error:
        reason = first_line(error)
        if several() and (isinstance(error, dist.DistError) or "gloo" in reason.lower()):
            what = _PLACE_IN_GLOO.sub("", reason).partition(". ")[0]
            raise TrainError(
                f"process {rank() + 1} of {dist.get_world_size()} lost the connection to another one, which "
                f"may have said why it ended ({what}); the last checkpoint is as it was"
            ) from error
        raise


class Votes:
    """Yes or no, where a single yes decides for all processes.

    With several processes the answer is that to the question before, so that nobody waits: it travels while
    the next step is computed.
    """

    def __init__(self) -> None:
        self._asked: tuple[Tensor, Any] | None = None

    def decide(self, *wishes: bool) -> list[bool]:
        """Put in this process's wishes, and learn what is decided."""
        if not several():
            return list(wishes)
        before = self._asked
        count = torch.tensor(wishes, dtype=torch.int32)
        self._asked = count, dist.all_reduce(count, group=_beside(dist.group.WORLD), async_op=True)
        if before is None:
            return [False] * len(wishes)
        counted, work = before
        work.wait()
        return [bool(number) for number in counted]


@cache
def processes_on_my_cores() -> int:
    """How many processes share the cores of this one: launchers may or may not have divided them."""
    cores = allowed_cores()
    mine = socket.gethostname(), cores
    return gathered(mine).count(mine)


@cache
def _beside(_world: Any) -> Any:
    """A group of its own, on the processors' network also where the gradients travel between GPUs."""
    return dist.new_group(backend="gloo", timeout=PATIENCE)
