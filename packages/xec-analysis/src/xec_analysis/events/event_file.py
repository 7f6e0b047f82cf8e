"""A file of events, from which single ones are displayed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from xec_analysis.errors import AnalysisError
from xec_analysis.events.event import Event, find_event, read_event, read_events_around
from xec_data.schema.branches import NPHO_BRANCH, TIME_BRANCH, TREE_NAME


@dataclass(frozen=True)
class EventFile:
    """A file of events, and what its contents are called.

    Attributes
    ----------
    path
        A ROOT file with `npho` and times.
    tree_name, npho_branch, time_branch
        Names in the file.
    """

    path: Path
    tree_name: str = TREE_NAME
    npho_branch: str = NPHO_BRANCH
    time_branch: str = TIME_BRANCH

    def read(self, entry: int) -> Event:
        """Read one event; raises as `read_event`."""
        return read_event(
            self.path,
            entry,
            tree_name=self.tree_name,
            npho_branch=self.npho_branch,
            time_branch=self.time_branch,
        )

    def read_around(self, entry: int, n_events: int) -> tuple[list[Event], int]:
        """Read one event and those before and behind it; raises as `read_event`.

        Parameters
        ----------
        entry
            Entry of the tree; negative numbers count from the end.
        n_events
            How many are read.

        Returns
        -------
        list of Event, int
            The events, and the number of the one asked for among them.
        """
        return read_events_around(
            self.path,
            entry,
            n_events,
            tree_name=self.tree_name,
            npho_branch=self.npho_branch,
            time_branch=self.time_branch,
        )

    def entry_of(self, entry: int | None, event_number: int | None, run: int | None) -> int:
        """Return the entry that is meant.

        Parameters
        ----------
        entry
            Entry of the tree; negative numbers count from the end.
        event_number, run
            Number of the event instead, and its run if several runs have that number.

        Raises
        ------
        AnalysisError
            If not exactly one of `entry` and `event_number` is given, or there is no such event.
        """
        if (entry is None) == (event_number is None):
            raise AnalysisError(
                f"which event of {self.path}? expected either an entry (EVENT) or --event-number"
            )
        if run is not None and event_number is None:
            raise AnalysisError("--run belongs to --event-number; an entry needs no run")
        if event_number is not None:
            return find_event(self.path, event_number, run, tree_name=self.tree_name)
        assert entry is not None
        return entry
