"""The interface of a destination of metrics, and several of them as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from xec_train.tracking.data_files import DataFile


class Tracker(Protocol):
    """A destination of parameters, metrics and files. No method of it may stop or delay a training."""

    def start(self, parameters: Mapping[str, Any], data: Sequence[DataFile] = ()) -> None:
        """Start the run; `parameters` is the flattened configuration, `data` the files that are read."""

    def log(self, metrics: Mapping[str, float], epoch: int, step: int) -> None:
        """Log metrics of an epoch (from 1) at a step of the optimizer."""

    def add_files(self, paths: Sequence[Path]) -> None:
        """Add files of the run directory."""

    def finish(self, status: str) -> None:
        """End the run: ``FINISHED``, ``FAILED`` or ``KILLED`` (to be resumed)."""


class Trackers:
    """Several destinations as one; without any, nothing is tracked."""

    def __init__(self, trackers: Sequence[Tracker] = ()) -> None:
        self.trackers = list(trackers)

    def start(self, parameters: Mapping[str, Any], data: Sequence[DataFile] = ()) -> None:
        """Start the run at all destinations."""
        for tracker in self.trackers:
            tracker.start(parameters, data)

    def log(self, metrics: Mapping[str, float], epoch: int, step: int) -> None:
        """Log to all destinations."""
        for tracker in self.trackers:
            tracker.log(metrics, epoch, step)

    def add_files(self, paths: Sequence[Path]) -> None:
        """Add the files at all destinations."""
        for tracker in self.trackers:
            tracker.add_files(paths)

    def finish(self, status: str) -> None:
        """End the run at all destinations."""
        for tracker in self.trackers:
            tracker.finish(status)
