"""A worker: takes one trial after the other from the queue of a study, in this process."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from xec_geometry.cli.boundary import boundary
from xec_geometry.cli.exit_codes import INTERRUPTED
from xec_geometry.support.signals import Terminated
from xec_train.config.train_config import TrainConfig
from xec_train.scan.errors import ScanError
from xec_train.scan.folder import StudyFolder
from xec_train.scan.liveness import Presence
from xec_train.scan.points import assigned
from xec_train.scan.progress import Scan
from xec_train.scan.results import write_table
from xec_train.scan.tracking import begin_study, study_id

PROGRAM = "from xec_train.scan.worker import main; main()"
_PAUSE = 2.0  # seconds between looks at the trials of others


def work(folder: StudyFolder, tell: Callable[[str], None]) -> bool:
    """Take trials until no trial waits any more.

    Between two steps a worker waits for the trials of the others, whose best one the next step needs.

    Parameters
    ----------
    folder
        Folder of the study, which has been begun.
    tell
        Called with lines about trials.

    Returns
    -------
    bool
        Whether nothing is left to take; False if this worker was interrupted.

    Raises
    ------
    XecError
        If the study cannot go on.
    """
    try:
        with _signals_of_batch_systems():
            return _work(folder, tell)
    except (KeyboardInterrupt, Terminated):
        return False


def _work(folder: StudyFolder, tell: Callable[[str], None]) -> bool:
    record = folder.read()
    if record is None:
        raise ScanError(f"{folder.path} holds no study")
    scan = Scan.open(folder, record)
    config = TrainConfig.model_validate(record.settings)
    with folder.lock():
        if study_id(folder, config) is None:
            begin_study(folder, config, record.space.model_dump(mode="json", exclude_unset=True), tell)
    with Presence(folder.workers) as presence:
        while (queue := scan.begin_next()) is not None:
            taken = queue.take(presence.name)
            if taken is not None:
                # Torch takes seconds to import, and is not needed for what others do.
                from xec_train.scan.trial import TrialRun

                study, trial = taken
                tell(f"{queue.run_name(trial.number)}: {assigned(queue.own_values(trial))}")
                outcome = TrialRun(queue, record.settings, study, trial).run()
                value = "" if outcome.value is None else f" {record.space.metric} {outcome.value:.5g}"
                error = f": {outcome.error}" if outcome.error else ""
                tell(f"{queue.run_name(trial.number)}: {outcome.state}{value}{error}")
                if outcome.state == "interrupted":
                    return False
                with folder.lock():
                    write_table(scan)
            elif queue is scan.queues[-1]:
                break
            else:
                time.sleep(_PAUSE)
    return True


def main() -> None:
    """Work on the study of a folder; ``sys.argv``: the folder, and the cores of this worker if not all."""
    path, *cores = sys.argv[1:]
    if cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(core) for core in cores[0].split(",")})
    with boundary(["scan", path]):
        finished = work(StudyFolder(Path(path)), lambda line: print(line, flush=True))
        sys.exit(0 if finished else INTERRUPTED)


@contextmanager
def _signals_of_batch_systems() -> Iterator[None]:
    """Let these signals end what no training heeds: the time before one, and between two."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, _frame: FrameType | None) -> None:
        raise Terminated(number)

    before = {number: signal.signal(number, end) for number in (signal.SIGUSR1, signal.SIGUSR2)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
