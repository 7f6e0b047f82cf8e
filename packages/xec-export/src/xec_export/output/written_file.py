"""A file made of the events of other files: the check of its name, and the report about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xec_export.errors import ExportError
from xec_geometry.support.output import check_writable


@dataclass(frozen=True)
class WrittenFile:
    """Report about a written file.

    Attributes
    ----------
    output
        The file.
    n_events
        Number of events.
    n_unread
        Number of events without a valid photon count that a network could use.
    seconds
        Duration.
    notes
        Notes for the user, one line each.
    """

    output: Path
    n_events: int
    n_unread: int
    seconds: float
    notes: tuple[str, ...]

    @property
    def rate(self) -> float:
        """Events per second."""
        return self.n_events / self.seconds


def check_output(output: str | Path, inputs: Sequence[Path]) -> Path:
    """Return the path of a file that can be written and is not one of its inputs.

    Raises
    ------
    ExportError, OutputError
        If it cannot, or is.
    """
    output = Path(output)
    check_writable(output)
    if any(output.exists() and output.samefile(file) for file in inputs):
        raise ExportError(f"cannot write {output}: it is one of the inputs")
    return output
