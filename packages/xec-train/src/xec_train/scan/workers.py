"""Workers as processes of this machine: started, watched, replaced if they are killed, and ended in order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from xec_geometry.cli.exit_codes import INTERRUPTED
from xec_geometry.support.parent import Child
from xec_geometry.support.processors import allowed_cores
from xec_train.cluster.failures import last_error
from xec_train.scan.errors import ScanError
from xec_train.scan.folder import StudyFolder
from xec_train.scan.worker import PROGRAM

_GPUS = "CUDA_VISIBLE_DEVICES"
_DEVICES = Path("/dev")


@dataclass
class Worker:
    """A process, and the file of what it prints."""

    number: int
    child: Child
    log: Path

    @property
    def code(self) -> int | None:
        """Its exit code, negative after a signal; None while it runs."""
        return self.child.process.poll()


@dataclass
class Workers:
    """The workers of a study on this machine.

    Attributes
    ----------
    folder
        Folder of the study.
    number
        How many there are at the same time.
    tell
        Called with lines for the user.
    lost
        How many were killed.
    interrupted
        Whether one ended because somebody asked it to.
    """

    folder: StudyFolder
    number: int
    tell: Callable[[str], None]
    lost: int = field(default=0, init=False)
    interrupted: bool = field(default=False, init=False)
    _running: dict[int, Worker] = field(default_factory=dict, init=False)

    def __len__(self) -> int:
        return len(self._running)

    def fill(self, wanted: int) -> None:
        """Start as many as are missing, if there is work for so many."""
        for number in range(1, self.number + 1):
            if number not in self._running and len(self._running) < min(wanted, self.number):
                self._running[number] = self._start(number)

    def collect(self) -> None:
        """Remove those that have ended.

        Raises
        ------
        ScanError
            If one found that the study cannot go on.
        """
        for number, worker in list(self._running.items()):
            code = worker.code
            if code is None:
                continue
            del self._running[number]
            if code == INTERRUPTED:
                self.interrupted = True
            elif code < 0:
                self.lost += 1
                self.tell(f"worker {number} was killed by signal {-code}; its trial is tried again")
            elif code:
                said = last_error(worker.log)
                raise ScanError(said or f"worker {number} ended with exit code {code}; see {worker.log}")

    def end(self) -> None:
        """End all, in order: each finishes its step, writes a checkpoint and gives its trial back."""
        for worker in self._running.values():
            worker.child.ask_to_end()
        for worker in self._running.values():
            worker.child.end()
        self._running.clear()

    def _start(self, number: int) -> Worker:
        log = self.folder.workers / f"worker-{number}.log"
        arguments = [str(self.folder.path), *_cores(number, self.number)]
        with log.open("ab") as file:
            child = Child(
                PROGRAM,
                arguments,
                Path(),
                stdout=file,
                stderr=file,
                env={**os.environ, **_gpu(number)},
                # Ctrl-C reaches this process alone, which ends them.
                process_group=0,
            )
        return Worker(number, child, log)


@contextmanager
def local_workers(folder: StudyFolder, number: int, tell: Callable[[str], None]) -> Iterator[Workers]:
    """Give workers, none of which is left at the end of the block."""
    workers = Workers(folder, number, tell)
    try:
        yield workers
    finally:
        workers.end()


def _cores(number: int, n_workers: int) -> Iterator[str]:
    """Yield a share of the cores, if there is one for every worker: they would compete for all."""
    cores = allowed_cores()
    if cores is not None and 1 < n_workers <= len(cores):
        yield ",".join(map(str, cores[number - 1 :: n_workers]))


def _gpu(number: int) -> Mapping[str, str]:
    """Return the variable that gives a worker one of several GPUs."""
    named = os.environ.get(_GPUS)
    if named is not None:
        gpus = [name for name in named.split(",") if name]
    else:
        # CUDA counts those that a container shows from 0, whatever their devices are called.
        gpus = [str(number) for number, _ in enumerate(_DEVICES.glob("nvidia[0-9]*"))]
    return {_GPUS: gpus[(number - 1) % len(gpus)]} if len(gpus) > 1 else {}
