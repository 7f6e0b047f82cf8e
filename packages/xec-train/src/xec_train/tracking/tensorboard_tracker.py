"""TensorBoard: metrics as event files in the run directory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from xec_geometry.support.text import first_line
from xec_train.tracking.data_files import DataFile


class TensorboardTracker:
    """Writer of event files for TensorBoard.

    Parameters
    ----------
    folder
        The folder for the event files.
    resumed_step
        Step of the optimizer at which the run resumes: later values, of steps that are repeated, are hidden.
    warn
        Called with the warning if writing fails; then nothing more is written.
    """

    def __init__(self, folder: Path, resumed_step: int, warn: Callable[[str], None]) -> None:
        self.folder, self.resumed_step = folder, resumed_step
        self._warn = warn
        self._writer: Any = None

    def start(self, parameters: Mapping[str, Any], data: Sequence[DataFile] = ()) -> None:
        """Open a file; the parameters become a text."""
        del data  # They are in data_files.csv.

        def begin() -> None:
            from torch.utils.tensorboard import SummaryWriter

            purge = self.resumed_step + 1 if self.resumed_step else None
            self._writer = SummaryWriter(str(self.folder), purge_step=purge)
            rows = "\n".join(f"| {name} | {value} |" for name, value in parameters.items())
            self._writer.add_text("configuration", f"| key | value |\n|---|---|\n{rows}", self.resumed_step)

        self._attempt(begin)

    def log(self, metrics: Mapping[str, float], epoch: int, step: int) -> None:
        """Write values against the step, the epoch among them."""

        def write() -> None:
            for name, value in {**metrics, "epoch": epoch}.items():
                self._writer.add_scalar(name, value, step)

        if self._writer is not None:
            self._attempt(write)

    def add_files(self, paths: Sequence[Path]) -> None:
        """Do nothing: TensorBoard shows no files."""

    def finish(self, status: str) -> None:
        """Close the file."""
        del status
        if self._writer is not None:
            self._attempt(self._writer.close)
            self._writer = None

    def _attempt(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as error:
            reason = first_line(error)
            self._warn(f"TensorBoard files in {self.folder} cannot be written: {reason}")
            self._writer = None
