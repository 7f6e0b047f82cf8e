"""The report about a file that is made of the events of other files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


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
