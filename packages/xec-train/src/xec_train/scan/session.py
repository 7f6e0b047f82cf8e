"""A session on a study: workers on this machine, what happens to its trials line by line, and its results."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from xec_geometry.support.signals import Terminated
from xec_train.config.train_config import TrainConfig
from xec_train.scan.errors import ScanError
from xec_train.scan.plots import write_plots
from xec_train.scan.points import assigned
from xec_train.scan.progress import COMPLETE, FAILED, PRUNED, RUNNING, WAITING, Scan
from xec_train.scan.results import Row, best_of, rows, time_in_words, write_table
from xec_train.scan.tracking import begin_study, end_study
from xec_train.scan.workers import Workers, local_workers

_PAUSE = 0.5
# Workers that are killed before they have taken a trial.
_MOST_LOSSES = 20


@dataclass
class Session:
    """Work on a study from this machine.

    Attributes
    ----------
    scan
        The study.
    config
        Its configuration.
    tell
        Called with lines for the user.
    """

    scan: Scan
    config: TrainConfig
    tell: Callable[[str], None]
    _told: dict[tuple[str, int], Row] = field(default_factory=dict, init=False)
    _best: float | None = field(default=None, init=False)

    def run(self, n_workers: int) -> bool:
        """Let workers train until every trial has ended; return False if that was interrupted.

        Raises
        ------
        XecError
            If the study cannot go on, or no trial of a step was completed.
        """
        scan, folder = self.scan, self.scan.folder
        content = scan.record.space.model_dump(mode="json", exclude_unset=True)
        with folder.lock():
            begin_study(folder, self.config, content, self._warn)
        self._look(silently=True)
        finished = False
        try:
            with local_workers(folder, n_workers, self.tell) as workers:
                try:
                    finished = self._watch(workers)
                except (KeyboardInterrupt, Terminated):
                    self.tell("stopping: every trial finishes its step and writes a checkpoint")
        finally:
            scan.requeue_lost()
            self._look()
            self.write_results("FINISHED" if finished else "KILLED")
        return finished

    def write_results(self, status: str | None = None) -> list[Path]:
        """Write table, best configuration and plots, and send them to MLflow; return the files."""
        scan, folder = self.scan, self.scan.folder
        with folder.lock():
            write_table(scan)
            files = [folder.table, *([folder.best] if folder.best.exists() else [])]
            files += write_plots(scan, self._warn)
        if status is not None:
            found = best_of(scan)
            best = {} if found is None else {scan.record.space.metric: found[1].value}
            if found is not None:
                best |= {"trial": found[1].number, **found[0].own_values(found[1])}
            end_study(folder, self.config, status, files, best, self._warn)
        return files

    def _watch(self, workers: Workers) -> bool:
        while True:
            workers.collect()
            self.scan.requeue_lost()
            current = self.scan.begin_next()
            self._look()
            if current is None:
                return True
            counts = self.scan.counts()
            if workers.interrupted and not workers:
                return False
            if workers.lost > _MOST_LOSSES + self.scan.record.space.retries * workers.number:
                raise ScanError(f"{workers.lost} workers were killed; see {self.scan.folder.workers}")
            if not workers.interrupted:
                workers.fill(counts[WAITING] + counts[RUNNING])
            time.sleep(_PAUSE)

    def _look(self, *, silently: bool = False) -> None:
        """Tell what has happened to trials since the last look."""
        for queue in self.scan.begun:
            for row in rows(queue):
                before = self._told.get((row.step, row.number))
                self._told[row.step, row.number] = row
                if before is not None and before.state == row.state and before.lost == row.lost:
                    continue
                line = self._line(queue.run_name(row.number), row, before)
                if line and not silently:
                    self.tell(line)

    def _line(self, name: str, row: Row, before: Row | None) -> str:
        metric = self.scan.record.space.metric
        value = "" if row.value is None else f"{metric} {row.value:.5g}"
        epochs = "" if row.epochs is None else f"{row.epochs} epoch{'s' if row.epochs != 1 else ''}"
        if row.state == COMPLETE:
            sign = self.scan.record.space.sign
            assert row.value is not None
            best = self._best is None or sign * row.value < sign * self._best
            self._best = row.value if best else self._best
            mark, seconds = " *" if best else "  ", time_in_words(row.seconds)
            return f"{name}  {value}{mark}  {epochs}  {seconds}  {assigned(row.values)}"
        if row.state == PRUNED:
            return f"{name}  pruned after {epochs}, {value}  {assigned(row.values)}"
        if row.state == FAILED:
            return f"{name}  failed: {row.error}  {assigned(row.values)}"
        if row.state == RUNNING:
            begins = "begins" if row.epochs is None else f"goes on after {epochs}"
            return f"{name}  {begins}  {assigned(row.values)}"
        if before is not None and before.state != WAITING:
            return f"{name}  waits again{f', after {epochs}' if epochs else ''}"
        return ""

    def _warn(self, line: str) -> None:
        self.tell(f"warning: {line}")
