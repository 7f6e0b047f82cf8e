"""The processes of a training: rank, number of processes, and collective operations.

Every collective method has to be called by all processes at the same point of the program; decisions that
depend on the clock or the files of one process are communicated first. The strategy of Fabric communicates
the tensors of the network; these operations communicate Python objects, from CPU to CPU.
"""

from __future__ import annotations

import gc
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache, cached_property
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from xec_geometry.errors import XecError
from xec_geometry.support.processors import allowed_cores
from xec_geometry.support.text import first_line
from xec_train.errors import ReportedElsewhereError, TrainError
from xec_train.processes.launch import DEFAULT_TIMEOUT

T = TypeVar("T")

_GLOO_LOCATION = re.compile(r"^\[[^]]*\] ")
_TIMED_OUT = ("timed out", "timeout")


class Processes:
    """A single process: every operation is the identity.

    Attributes
    ----------
    rank, world_size
        Rank of this process, and the number of processes.
    """

    rank: int = 0
    world_size: int = 1

    @property
    def is_distributed(self) -> bool:
        """Whether there is more than one process."""
        return self.world_size > 1

    @property
    def is_first(self) -> bool:
        """Whether this process has rank 0, which alone writes, tracks and prints."""
        return self.rank == 0

    @property
    def n_sharing_cores(self) -> int:
        """Processes that share the cores of this one: launchers may or may not have divided them."""
        return 1

    def all_gather(self, value: T) -> list[T]:
        """Return the values of all processes, in the order of their ranks."""
        return [value]

    def gather(self, value: T) -> list[T]:
        """Return the values of all processes in rank 0, and nothing elsewhere."""
        return [value]

    def all_reduce(self, tensor: Tensor) -> Tensor:
        """Sum a tensor over the processes, on its device; the host does not wait for it."""
        return tensor

    def any_async(self, flags: tuple[bool, ...]) -> Callable[[], tuple[bool, ...]]:
        """Start a logical OR of flags over the processes.

        Returns
        -------
        callable
            Waits for the result and returns it.
        """
        return lambda: flags

    def broadcast(self, action: Callable[[], T]) -> T:
        """Run an action in rank 0 only, and return its result everywhere; an error is raised everywhere."""
        return action()

    def run_on_all(self, action: Callable[[], T]) -> T:
        """Run an action in every process; if it fails in one, it fails in all, and rank 0 reports why."""
        return action()

    def shared_error(self, error: XecError) -> XecError:
        """Return an error that all processes found at the same point, in the form that each should raise."""
        return error

    @contextmanager
    def lost_connection_reported(self) -> Iterator[None]:
        """Turn errors of the connection, when another process has died, into one line, within the block."""
        yield


class ProcessGroup(Processes):
    """Several processes, connected by `torch.distributed`.

    Parameters
    ----------
    timeout
        Minutes that a process waits for the others.
    """

    def __init__(self, timeout: float = DEFAULT_TIMEOUT) -> None:
        self.rank, self.world_size = dist.get_rank(), dist.get_world_size()
        self.timeout = timeout

    @cached_property
    def n_sharing_cores(self) -> int:
        """Processes that share the cores of this one. A collective call."""
        own = socket.gethostname(), allowed_cores()
        return self.all_gather(own).count(own)

    def all_gather(self, value: T) -> list[T]:
        """Return the values of all processes."""
        values: list[Any] = [None] * self.world_size
        dist.all_gather_object(values, value, group=self._group)
        return values

    def gather(self, value: T) -> list[T]:
        """Return the values of all processes in rank 0."""
        values: list[Any] | None = [None] * self.world_size if self.is_first else None
        dist.gather_object(value, values, dst=0, group=self._group)
        return values or []

    def all_reduce(self, tensor: Tensor) -> Tensor:
        """Sum a tensor in place."""
        dist.all_reduce(tensor)
        return tensor

    def any_async(self, flags: tuple[bool, ...]) -> Callable[[], tuple[bool, ...]]:
        """Start to count the flags that are set."""
        count = torch.tensor(flags, dtype=torch.int32)
        work = dist.all_reduce(count, group=self._group, async_op=True)

        def wait() -> tuple[bool, ...]:
            work.wait()
            return tuple(map(bool, count.tolist()))

        return wait

    def broadcast(self, action: Callable[[], T]) -> T:
        """Run an action in rank 0."""
        result: list[Any] = [None, None]
        if self.is_first:
            try:
                result[0] = action()
            except XecError as error:
                result[1] = str(error)
                dist.broadcast_object_list(result, 0, group=self._group)
                raise
        dist.broadcast_object_list(result, 0, group=self._group)
        if result[1] is not None:
            raise ReportedElsewhereError(result[1])
        return result[0]  # type: ignore[no-any-return]

    def run_on_all(self, action: Callable[[], T]) -> T:
        """Run an action and exchange how it ended."""
        own: XecError | None = None
        result: Any = None
        try:
            result = action()
        except XecError as error:
            own = error
        answers = self.all_gather((socket.gethostname(), None if own is None else str(own)))
        failed = [number for number, (_, message) in enumerate(answers) if message is not None]
        if not failed:
            return result  # type: ignore[no-any-return]
        if self.is_first and own is not None:
            raise own
        host, message = answers[failed[0]]
        if failed[0] > 0:
            message = f"{message} (in process {failed[0] + 1} of {len(answers)}, on {host})"
        raise self.shared_error(TrainError(message))

    def shared_error(self, error: XecError) -> XecError:
        """Return the error itself in rank 0, elsewhere one that is not reported again."""
        return error if self.is_first else ReportedElsewhereError(str(error))

    @contextmanager
    def lost_connection_reported(self) -> Iterator[None]:
        """Turn errors of the connection into a `TrainError`."""
        with lost_connection_reported(self.rank, self.world_size, self.timeout):
            yield

    @property
    def _group(self) -> Any:
        return _cpu_group(dist.group.WORLD, self.timeout)


class DelayedAny:
    """Logical OR of flags over all processes, delayed by one call.

    Several processes get the result of the previous call, so that none waits: it is communicated while the
    next step is computed.

    Parameters
    ----------
    processes
        The processes of the training.
    """

    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self._previous: Callable[[], tuple[bool, ...]] | None = None

    def ask(self, *flags: bool) -> tuple[bool, ...]:
        """Submit the flags of this process, and return the result that is available. A collective call."""
        current = self._processes.any_async(flags)
        if not self._processes.is_distributed:
            return current()
        previous, self._previous = self._previous, current
        return (False,) * len(flags) if previous is None else previous()


@contextmanager
def lost_connection_reported(rank: int, world_size: int, timeout: float) -> Iterator[None]:
    """Turn errors of the connection to other processes into one line, within the block.

    Parameters
    ----------
    rank, world_size
        Rank of this process, and the number of processes.
    timeout
        Minutes that it waits for the others.

    Raises
    ------
    TrainError
        If another process has died, or has not answered in time.
    """
    try:
        yield
    except RuntimeError as error:
        reason = first_line(error)
        if not isinstance(error, dist.DistError) and "gloo" not in reason.lower():
            raise
        what = _GLOO_LOCATION.sub("", reason).partition(". ")[0]
        if any(words in what.lower() for words in _TIMED_OUT):
            raise TrainError(
                f"process {rank + 1} of {world_size} waited {timeout:g} minutes for another one, which is "
                f"stopped, hangs or takes longer (distributed.timeout_minutes; {what}); the last checkpoint "
                "is unchanged"
            ) from error
        raise TrainError(
            f"process {rank + 1} of {world_size} lost the connection to another one, which may have "
            f"reported why it ended ({what}); the last checkpoint is unchanged"
        ) from error


def timeout_of(minutes: float) -> timedelta:
    """Return a time to wait as `torch.distributed` takes it."""
    return timedelta(minutes=minutes)


def current_processes(timeout: float = DEFAULT_TIMEOUT) -> Processes:
    """Return the processes of the training, as Fabric has connected them.

    Parameters
    ----------
    timeout
        Minutes that each waits for the others; the same in all of them.
    """
    if dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1:
        return ProcessGroup(timeout)
    return Processes()


def destroy_process_group() -> None:
    """Leave the other processes at the end of this one.

    Otherwise the threads of gloo still exist when Python ends, and one that then releases a Python object
    aborts the process.
    """
    if dist.is_available() and dist.is_initialized():
        _cpu_group.cache_clear()
        # The network of the training, which is part of a cycle, keeps the threads too.
        gc.collect()
        dist.destroy_process_group()


@cache
def _cpu_group(_world: Any, timeout: float) -> Any:
    """Return a separate group for communication between CPUs, also where gradients are on GPUs."""
    return dist.new_group(backend="gloo", timeout=timeout_of(timeout))
