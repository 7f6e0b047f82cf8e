"""The report about a file that is made of the events of other files."""

from __future__ import annotations

from dataclasses import dataclass, field
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
    dump
        The file of inputs and outputs of the network for a comparison, if one was asked for.
    n_dumped
        Number of events in it.
    """

    output: Path
    n_events: int
    n_unread: int
    seconds: float
    notes: tuple[str, ...]
    dump: Path | None = field(default=None, kw_only=True)
    n_dumped: int = field(default=0, kw_only=True)

    @property
    def rate(self) -> float:
        """Events per second."""
        return self.n_events / self.seconds
