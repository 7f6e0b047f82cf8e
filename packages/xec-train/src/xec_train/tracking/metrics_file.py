"""metrics.csv: every logged number, also when no tracking server answers."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from xec_geometry.support.output import appended_output, atomic_output
from xec_train.tracking.data_files import DataFile

COLUMNS = ("epoch", "step", "metric", "value", "timestamp")


class MetricsFile:
    """One row per number: columns epoch, step, metric, value, timestamp.

    Parameters
    ----------
    path
        The file. If it exists, rows are appended.
    resumed_step
        Step of the optimizer at which the run resumes: later rows, of steps that are repeated, are removed.
    """

    def __init__(self, path: Path, resumed_step: int = 0) -> None:
        self.path = path
        self.resumed_step = resumed_step
        self._known: set[tuple[str, str, str]] = set()

    def start(self, parameters: Mapping[str, Any], data: Sequence[DataFile] = ()) -> None:
        """Write the header, or cut an existing file to the step at which the run resumes."""
        del parameters, data  # They are in config.yaml and data_files.csv.
        rows = []
        if self.path.exists():
            rows = [row for row in read_metrics(self.path) if int(row["step"]) <= self.resumed_step]
            # An epoch is told before its checkpoint is written; if that never was, it is told again.
            last = (row for row in rows if int(row["step"]) == self.resumed_step)
            self._known = {(row["epoch"], row["step"], row["metric"]) for row in last}
        with atomic_output(self.path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)

    def log(self, metrics: Mapping[str, float], epoch: int, step: int) -> None:
        """Append one row per metric; the rows are in the file when this returns.

        Raises
        ------
        OutputError
            If they are not: the disk is full.
        """
        now = datetime.now().astimezone().isoformat(timespec="milliseconds")
        with appended_output(self.path) as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerows(
                (epoch, step, name, repr(float(value)), now)
                for name, value in metrics.items()
                if (str(epoch), str(step), name) not in self._known
            )

    def add_files(self, paths: Sequence[Path]) -> None:
        """Do nothing: the files are in the same folder."""

    def finish(self, status: str) -> None:
        """Do nothing: every row has been written."""


def read_metrics(path: Path) -> list[dict[str, str]]:
    """Read the rows of a file, by column.

    Lines that are no rows are ignored: of a process that was killed, or a disk that was full.
    """
    text = path.read_text(encoding="utf-8", errors="replace")
    complete = text[: text.rfind("\n") + 1].replace("\0", "")
    return [row for row in csv.DictReader(complete.splitlines()) if _is_whole(row)]


def _is_whole(row: Mapping[str, Any]) -> bool:
    """Return whether a row has a value in every column, numbers where they belong."""
    try:
        int(row["epoch"]), int(row["step"]), float(row["value"]), datetime.fromisoformat(row["timestamp"])
    except (KeyError, TypeError, ValueError):
        return False
    return bool(row["metric"])
