"""One of the runs that are compared: its configuration, origin, curves and state."""

from __future__ import annotations

import csv
import fcntl
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xec_analysis.errors import AnalysisError
from xec_analysis.runs.run_comparison import Curves
from xec_analysis.runs.training_curves import TRAINING_LOSS, VALIDATION_LOSS, read_metrics
from xec_geometry.support.flattening import flatten
from xec_geometry.support.text import distinct_names
from xec_models.checkpoint.run_directory import RunDirectory

if TYPE_CHECKING:
    from xec_models.checkpoint.content import Checkpoint

_DEFAULT_OBJECTIVE = "regression"
_USES = ("training", "validation")


@dataclass(frozen=True)
class ReadFiles:
    """The files of events that a run has read for one use.

    Attributes
    ----------
    digests
        Hashes of the files, sorted: equal ones mean the same files, wherever they are.
    events
        Number of events that take part.
    """

    digests: tuple[str, ...]
    events: int

    def __str__(self) -> str:
        n = len(self.digests)
        return f"{self.events} events, {n} file{'s' if n > 1 else ''} ({self.digests[0][:6]})"


@dataclass(frozen=True)
class ComparedRun:
    """A run directory under the name that it has in tables and plots.

    Attributes
    ----------
    label
        The name: that of the run, with its folder where two have the same.
    directory
        The run.
    """

    label: str
    directory: RunDirectory

    @cached_property
    def config(self) -> dict[str, Any]:
        """The configuration by dotted keys."""
        return flatten(self.directory.read_config())

    @property
    def objective(self) -> str:
        """What it was trained for."""
        return str(self.config.get("objective", _DEFAULT_OBJECTIVE))

    @cached_property
    def curves(self) -> Curves:
        """Its metrics; raises as `read_metrics`."""
        return read_metrics(self.directory.metrics)

    @cached_property
    def checkpoint(self) -> Checkpoint | None:
        """Its best checkpoint, else the last one; None if there is none here."""
        from xec_models.checkpoint.reading import read_checkpoint

        for path in (self.directory.checkpoint_best, self.directory.checkpoint_last):
            if path.is_file():
                return read_checkpoint(path)
        return None

    @property
    def parameters(self) -> int | None:
        """Numbers that the network has learned; None without a checkpoint."""
        if self.checkpoint is None:
            return None
        return sum(tensor.numel() for tensor in self.checkpoint.weights.model.values())

    @cached_property
    def files(self) -> Mapping[str, ReadFiles]:
        """The files of the training and of the validation, as far as the run knows them.

        Raises
        ------
        AnalysisError
            If its list of files is none.
        """
        path = self.directory.data_files
        if not path.is_file():
            return {}
        try:
            with path.open(newline="", encoding="utf-8") as file:
                rows = [(row["use"], row["digest"], int(row["kept"])) for row in csv.DictReader(file)]
        except (KeyError, TypeError, ValueError, csv.Error) as error:
            raise AnalysisError(f"{path}: not a list of files of a training: {error}") from error
        found = {}
        for use in _USES:
            chosen = [(digest, kept) for uses, digest, kept in rows if use in uses.split(" and ")]
            if chosen:
                digests = tuple(sorted(digest for digest, _ in chosen))
                found[use] = ReadFiles(digests, sum(kept for _, kept in chosen))
        return found

    @property
    def epochs(self) -> int:
        """Number of the last epoch in its metrics; 0 before the first one ends."""
        ends = [curve.epoch.max() for curve in self.curves.values() if len(curve.epoch)]
        return int(max(ends, default=0))

    @property
    def first_epoch(self) -> float:
        """Number of the first epoch that it has trained; infinity before it ends."""
        losses = [
            self.curves[name].epoch for name in (*TRAINING_LOSS, *VALIDATION_LOSS) if name in self.curves
        ]
        return float(min((epochs[epochs > 0].min(initial=np.inf) for epochs in losses), default=np.inf))

    @property
    def planned_epochs(self) -> int | None:
        """Epochs of its configuration."""
        planned = self.config.get("training.epochs")
        return planned if isinstance(planned, int) else None

    @property
    def best_epoch(self) -> float | None:
        """The epoch with the smallest validation loss, whose network is kept; None without a finite one."""
        for name in VALIDATION_LOSS:
            curve = self.curves.get(name)
            if curve is not None and np.isfinite(curve.value).any():
                return float(
                    curve.epoch[np.nanargmin(np.where(np.isfinite(curve.value), curve.value, np.nan))]
                )
        return None

    def at_best(self, metric: str) -> float:
        """Return the value of a metric in the best epoch; NaN if there is none."""
        curve, epoch = self.curves.get(metric), self.best_epoch
        if curve is None or epoch is None:
            return float("nan")
        found = curve.value[curve.epoch == epoch]
        return float(found[-1]) if len(found) else float("nan")

    @property
    def has_results(self) -> bool:
        """Whether its training has ended with its results written."""
        return any(self.directory.path.glob("predictions_*.csv")) or any(
            path.exists() for path in (self.directory.validation_results, self.directory.reconstruction)
        )

    @property
    def remark(self) -> str:
        """What a reader has to know about the state of its training; empty if it has ended as planned."""
        if not self.epochs:
            return "no epoch has ended yet"
        planned = self.planned_epochs
        of = f" of {planned}" if planned else ""
        if is_locked(self.directory.lock):
            return f"still training: epoch {self.epochs}{of} so far"
        if planned and self.epochs < planned:
            how = "ended early" if self.has_results else "has not ended"
            return f"{how}: epoch {self.epochs}{of}"
        if self.best_epoch is None:
            return "its validation loss is never a number"
        return ""


def label_runs(directories: list[RunDirectory]) -> list[ComparedRun]:
    """Give runs names that differ: those of the runs, with as much of their paths as that needs."""
    labels = distinct_names([directory.path for directory in directories])
    return [ComparedRun(label, directory) for label, directory in zip(labels, directories, strict=True)]


def is_locked(path: Path) -> bool:
    """Return whether a training holds the file that claims its run directory."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        # No locks on this file system: the file says that a training has not ended properly or goes on.
        return True
    finally:
        with suppress(OSError):
            os.close(descriptor)
    return False
