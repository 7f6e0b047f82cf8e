"""How far a study is: its steps one after the other, each from the best of the one before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xec_models.checkpoint.run_directory import RunDirectory
from xec_train.scan.errors import NothingCompletedError
from xec_train.scan.folder import StudyFolder, StudyRecord
from xec_train.scan.storage import open_storage
from xec_train.scan.study import ERROR, Queue

WAITING, RUNNING, COMPLETE, PRUNED, FAILED = "waiting", "running", "complete", "pruned", "failed"
_NAMES = {"WAITING": WAITING, "RUNNING": RUNNING, "COMPLETE": COMPLETE, "PRUNED": PRUNED, "FAIL": FAILED}


def state_of(trial: Any) -> str:
    """Return the state of a trial in a word."""
    return _NAMES[trial.state.name]


@dataclass(frozen=True)
class Scan:
    """A study with all its steps.

    Attributes
    ----------
    folder, record
        Its folder, and what it is.
    queues
        Its steps.
    """

    folder: StudyFolder
    record: StudyRecord
    queues: tuple[Queue, ...]

    @classmethod
    def open(cls, folder: StudyFolder, record: StudyRecord) -> Scan:
        """Open the storage of a study."""
        storage = open_storage(record.storage or str(folder.journal))
        space = record.space
        return cls(folder, record, tuple(Queue(folder, storage, space, search) for search in space.searches))

    @property
    def begun(self) -> list[Queue]:
        """The steps that have begun."""
        return [queue for queue in self.queues if queue.exists()]

    def counts(self) -> Counter[str]:
        """Count the trials of the steps that have begun by their states."""
        return Counter(state_of(trial) for queue in self.begun for trial in queue.trials())

    def requeue_lost(self) -> None:
        """Let trials wait again whose workers are gone."""
        with self.folder.lock():
            for queue in self.begun:
                queue.requeue_lost(queue.open())

    def begin_next(self) -> Queue | None:
        """Begin the next step if the one before has ended, and return the current one; None at the end.

        Every number of workers may ask.

        Raises
        ------
        NothingCompletedError
            If no trial of a step has reached its end.
        """
        with self.folder.lock():
            base: Mapping[str, Any] = {}
            for number, queue in enumerate(self.queues):
                queue.fill(base)
                if any(state_of(trial) in (WAITING, RUNNING) for trial in queue.trials()):
                    return queue
                if number + 1 < len(self.queues):
                    base = self._taken_over(queue, self.queues[number + 1])
            return None

    def check_completed(self) -> None:
        """Raise an error if there is a step in which no trial can be the best one."""
        for queue in self.begun:
            trials = queue.trials()
            if queue.best() is None and not any(state_of(t) in (WAITING, RUNNING) for t in trials):
                raise NothingCompletedError(_nothing(queue, trials))

    def _taken_over(self, queue: Queue, following: Queue) -> dict[str, Any]:
        best = queue.best()
        if best is None:
            raise NothingCompletedError(_nothing(queue, queue.trials()))
        how = following.search.from_best
        values = {} if how == "nothing" else {**queue.base(), **queue.own_values(best)}
        if how == "weights":
            run = RunDirectory(queue.folder.runs / queue.run_name(best.number))
            values |= {
                "checkpoint.resume_from": str(run.checkpoint_best),
                "checkpoint.reset_epoch": True,
            }
        return values


def _nothing(queue: Queue, trials: list[Any]) -> str:
    counts = Counter(map(state_of, trials))
    n_failed = counts[FAILED]
    step = f" of step '{queue.search.name}'" if queue.search.name else ""
    first = next((trial for trial in trials if trial.user_attrs.get(ERROR)), None)
    why = "" if first is None else f"; trial {first.number}: {first.user_attrs[ERROR]}"
    if n_failed == len(trials):
        every = f"all {n_failed} trials" if n_failed > 1 else "the only trial"
        return f"{every}{step} failed{why}"
    return f"no trial{step} was completed: {n_failed} failed, {counts[PRUNED]} were pruned{why}"
