"""A file that is made of the events of others: whether it may be written, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xec_export.errors import ExportError
from xec_geometry.support.output import check_writable


@dataclass(frozen=True)
class WrittenFile:
    """What was written.

    Attributes
    ----------
    output
        The file.
    n_events
        Events in it.
    n_unread
        Events of them without a valid photon count that a network could use.
    seconds
        Time of everything.
    notes
        What a user should be told, one line each.
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
    """Return the path of a file that can be written and is none of its inputs.

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
