"""One event of a file: its readings, truth and numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xec_analysis.errors import AnalysisError
from xec_analysis.events.estimate import Estimate, estimate_of
from xec_data.reading.reader import EventReader
from xec_data.reading.shards import Shard
from xec_data.schema.branches import NPHO_BRANCH, TIME_BRANCH, TREE_NAME, is_invalid

Floats = NDArray[np.float64]

_HEADER = (
    "energyTruth",
    "timeTruth",
    "uvwTruth",
    "xyzTruth",
    "energyReco",
    "timeReco",
    "uvwRecoFI",
    "xyzRecoFI",
    "run",
    "event",
    "dead",
)


@dataclass(frozen=True)
class Event:
    """One event as read from a file.

    Attributes
    ----------
    path, entry
        File and number of the entry.
    npho
        Photons per sensor, (N_SENSORS,), NaN where there is no reading.
    time
        Times in s, likewise.
    numbers
        Truth, reconstruction and identification, by schema name, as far as the file has them.
    """

    path: Path
    entry: int
    npho: Floats
    time: Floats
    numbers: dict[str, Any] = field(default_factory=dict)

    @property
    def dead(self) -> NDArray[np.bool_]:
        """Sensors without a count of photons, (N_SENSORS,)."""
        return np.asarray(np.isnan(self.npho))

    @property
    def truth(self) -> Estimate:
        """True values, as far as the file has valid ones."""
        return estimate_of(
            "true", self.numbers, energy="energyTruth", time="timeTruth", uvw=("uvwTruth",), xyz="xyzTruth"
        )

    @property
    def conventional(self) -> Estimate:
        """Values of the conventional reconstruction, as far as the file has valid ones."""
        return estimate_of(
            "conventional",
            self.numbers,
            energy="energyReco",
            time="timeReco",
            uvw=("uvwRecoFI",),
            xyz="xyzRecoFI",
        )

    @property
    def true_uvw(self) -> Floats | None:
        """First interaction point in cm, if the file has a valid one."""
        return self.truth.uvw

    @property
    def title(self) -> str:
        """Run, event and entry, as far as the file has them."""
        parts = [f"{name} {int(self.numbers[name])}" for name in ("run", "event") if name in self.numbers]
        parts.append(f"entry {self.entry} of {self.path.name}")
        return " · ".join(parts)


def read_event(
    path: str | Path,
    entry: int,
    *,
    tree_name: str = TREE_NAME,
    npho_branch: str = NPHO_BRANCH,
    time_branch: str = TIME_BRANCH,
) -> Event:
    """Read one event.

    Parameters
    ----------
    path
        A ROOT file with `npho` and `relative_time`.
    entry
        Its number in the tree; negative numbers count from the end.
    tree_name, npho_branch, time_branch
        Names in the file.

    Raises
    ------
    AnalysisError
        If the tree has no such entry.
    DataError
        If the file, the tree or a branch is not as it has to be.
    """
    names = {"tree_name": tree_name, "npho_branch": npho_branch, "time_branch": time_branch}
    events, position = read_events_around(path, entry, 1, **names)
    return events[position]


def read_events_around(
    path: str | Path,
    entry: int,
    n_events: int,
    *,
    tree_name: str = TREE_NAME,
    npho_branch: str = NPHO_BRANCH,
    time_branch: str = TIME_BRANCH,
) -> tuple[list[Event], int]:
    """Read consecutive events with one in their middle, as far as there are enough on both sides.

    Parameters
    ----------
    path, entry, tree_name, npho_branch, time_branch
        As for `read_event`.
    n_events
        How many are read, or all if there are fewer.

    Returns
    -------
    list of Event
        The events.
    int
        Number, among them, of the one asked for.

    Raises
    ------
    AnalysisError, DataError
        As for `read_event`.
    """
    path = Path(path)
    with EventReader(
        path,
        ("npho", "time"),
        optional=_HEADER,
        tree_name=tree_name,
        npho_branch=npho_branch,
        time_branch=time_branch,
    ) as reader:
        info = reader.trees[0]
        n = info.n_entries
        if not -n <= entry < n:
            raise AnalysisError(
                f"{path}: tree '{tree_name}' has no entry {entry}; expected 0 to {n - 1} ({n} events)"
            )
        entry %= n
        start = max(0, min(entry - n_events // 2, n - n_events))
        chunk = reader.read(Shard(info.path, start, min(n, start + n_events)))
    rows = ({name: values[row] for name, values in chunk.items()} for row in range(len(chunk)))
    return [_event(path, start + row, arrays) for row, arrays in enumerate(rows)], entry - start


def _event(path: Path, entry: int, arrays: dict[str, Any]) -> Event:
    npho, time = (np.asarray(arrays.pop(name), dtype=np.float64) for name in ("npho", "time"))
    silent = is_invalid(npho) | np.asarray(arrays.get("dead", False), dtype=bool)
    npho = np.where(silent, np.nan, npho)
    return Event(path, entry, npho, np.where(silent | is_invalid(time), np.nan, time), arrays)


def find_event(path: str | Path, event: int, run: int | None = None, *, tree_name: str = TREE_NAME) -> int:
    """Find the entry of an event by its number.

    Parameters
    ----------
    path
        A ROOT file with the branches `event` and, if `run` is given, `run`.
    event, run
        The numbers looked for.
    tree_name
        Name of the tree.

    Raises
    ------
    AnalysisError
        If no entry has these numbers, or several have.
    """
    wanted = {"event": event} | ({} if run is None else {"run": run})
    with EventReader(path, tuple(wanted), tree_name=tree_name) as reader:
        chunks = list(reader)
    hit = np.ones(sum(map(len, chunks)), dtype=bool)
    for name, number in wanted.items():
        hit &= np.concatenate([chunk[name] for chunk in chunks]) == number
    entries = np.flatnonzero(hit)
    what = " of ".join(f"{name} {number}" for name, number in wanted.items())
    if len(entries) == 0:
        raise AnalysisError(f"{path}: tree '{tree_name}' has no {what} in {len(hit)} entries")
    if len(entries) > 1:
        raise AnalysisError(
            f"{path}: {len(entries)} entries are {what} (the first are {', '.join(map(str, entries[:3]))}); "
            "give the run as well, or the entry"
        )
    return int(entries[0])
