"""Dead channels from a text file, a ROOT file or a database."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xec_data.checking.statistics import ReadingStatistics
from xec_data.errors import DataError
from xec_data.reading.file_paths import told_if_unreadable
from xec_data.reading.reader import EventReader
from xec_data.schema.branches import TREE_NAME
from xec_geometry import N_SENSORS
from xec_geometry.support.input import special_kind
from xec_geometry.support.output import atomic_output
from xec_geometry.support.text import shortened, text_lines

DeadChannels = NDArray[np.bool_]

_MOST_DIGITS = 9
_EXPECTED = f"expected a sensor id from 0 to {N_SENSORS - 1}"
_ROOT_MAGIC = b"root"


class DeadChannelSource(Protocol):
    """Interface of a source of dead channels.

    A class of your own with this one method can stand wherever xec takes a source of dead channels.
    """

    def dead(self, run: int | None = None) -> DeadChannels:
        """Determine which sensors are dead.

        Parameters
        ----------
        run
            Number of the run. A source that knows one list only gives it for every run; one that knows
            many raises a `DataError` if it is not told which, or does not know this one.

        Returns
        -------
        numpy.ndarray
            (N_SENSORS,) bool, in the order of the ids.
        """


def open_dead_channels(text: str | Path, *, tree_name: str = TREE_NAME) -> DeadChannelSource:
    """Open a source of dead channels.

    Parameters
    ----------
    text
        A text file with one sensor id a line; a ROOT file with a branch `dead`; the URL of a database, such
        as ``sqlite:///conditions.db``, with what `open_database` understands behind a ``#``; or a YAML file
        that describes a database, see `open_described`.
    tree_name
        Name of the tree in a ROOT file.

    Raises
    ------
    DataError
        If there is no such file or database, or it does not hold what it should.
    """
    if "://" in str(text):
        from xec_data.dead_channels.database import open_database

        return open_database(str(text))
    if str(text).partition("#")[0].endswith((".yaml", ".yml")):
        from xec_data.dead_channels.described import open_described

        return open_described(str(text))
    path = Path(text).expanduser()
    # A damaged one, even of no bytes, is no list without sensors.
    if path.suffix == ".root" or _begins_like_root(path):
        return BranchDeadChannels(path, tree_name=tree_name)
    return TextDeadChannels(path)


class TextDeadChannels:
    """Dead channels of a text file: sensor ids, the same for every run.

    One or several ids a line, with spaces or commas between. Behind a ``#`` stands a comment; empty lines
    mean nothing, and a repeated id is as good as one.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    DataError
        If there is no such file, or a line holds something else than a sensor id.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._dead = np.zeros(N_SENSORS, dtype=np.bool_)
        for number, line in enumerate(_lines(self.path), start=1):
            for entry in line.partition("#")[0].replace(",", " ").split():
                self._dead[_sensor_id(entry, f"{self.path}: line {number}")] = True

    def dead(self, run: int | None = None) -> DeadChannels:  # noqa: ARG002 (one list for all runs)
        """Determine which sensors are dead; see `DeadChannelSource.dead`."""
        return self._dead.copy()


class BranchDeadChannels:
    """Dead channels of the branch `dead` of a ROOT file: a sensor is dead if any event says so.

    Parameters
    ----------
    path
        The file. With a branch `run` it tells the runs apart.
    tree_name
        Name of the tree.

    Raises
    ------
    DataError
        If the file, the tree or the branch is not as it has to be.
    """

    def __init__(self, path: str | Path, *, tree_name: str = TREE_NAME) -> None:
        self.path = Path(path)
        self._by_run: dict[int, DeadChannels] = {}
        self._dead = np.zeros(N_SENSORS, dtype=np.bool_)
        with EventReader(self.path, ("dead",), optional=("run",), tree_name=tree_name) as reader:
            for chunk in reader:
                self._dead |= chunk["dead"].any(axis=0)
                for run in np.unique(chunk.get("run", [])).tolist():
                    here = chunk["dead"][chunk["run"] == run].any(axis=0)
                    self._by_run[run] = here | self._by_run.get(run, False)

    def dead(self, run: int | None = None) -> DeadChannels:
        """Determine which sensors are dead; see `DeadChannelSource.dead`.

        Without a number, those that are dead in any run of the file. A file without run numbers has one list.
        """
        if run is None or not self._by_run:
            return self._dead.copy()
        if run not in self._by_run:
            runs = sorted(self._by_run)
            known = f"run {runs[0]}" if len(runs) == 1 else f"{len(runs)} runs from {runs[0]} to {runs[-1]}"
            raise DataError(f"{self.path}: no events of run {run}, so no dead channels; it has {known}")
        return self._by_run[run].copy()


def write_dead_channels(path: str | Path, dead: ArrayLike, comments: Sequence[str] = ()) -> Path:
    """Write a text file of dead channels.

    Parameters
    ----------
    path
        The file.
    dead
        (N_SENSORS,) bool.
    comments
        Lines that stand at its beginning.

    Raises
    ------
    ValueError
        If `dead` has another shape.
    OutputError
        If the file cannot be written.
    """
    flags = np.asarray(dead, dtype=np.bool_)
    if flags.shape != (N_SENSORS,):
        raise ValueError(f"expected {N_SENSORS} flags, one per sensor, found an array of {flags.shape}")
    lines = [f"# {line}" for comment in comments for line in comment.splitlines()]
    lines += [str(sensor) for sensor in np.flatnonzero(flags)]
    path = Path(path)
    with atomic_output(path) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def write_counted(
    path: str | Path, counts: ReadingStatistics, above: float, sources: Sequence[str | Path]
) -> str:
    """Write the sensors that have no valid reading in more than a fraction of the events, and say so.

    Parameters
    ----------
    path
        The text file.
    counts
        Readings of `npho` counted.
    above
        The fraction.
    sources
        The files that were counted, for the comment at the beginning.

    Returns
    -------
    str
        A line for people.
    """
    ids = counts.dead(above)
    flags = np.zeros(N_SENSORS, dtype=np.bool_)
    flags[ids] = True
    share = f"invalid in more than {100 * above:g} % of {counts.n_events} events"
    write_dead_channels(path, flags, [f"{len(ids)} dead sensors: {share} of", *map(str, sources)])
    return f"{path}: {len(ids)} dead sensors ({share})"


def _sensor_id(entry: str, where: str) -> int:
    # Only plain digits: int() would also take 1_000, +7 and digits of other scripts.
    if not (entry.isascii() and entry.isdigit() and len(entry) <= _MOST_DIGITS and int(entry) < N_SENSORS):
        raise DataError(f"{where}: found {shortened(entry)!r}; {_EXPECTED}")
    return int(entry)


def _begins_like_root(path: Path) -> bool:
    if special_kind(path):
        # A text: what is read here would be lost.
        return False
    with told_if_unreadable(path), path.open("rb") as file:
        return file.read(len(_ROOT_MAGIC)) == _ROOT_MAGIC


def _lines(path: Path) -> list[str]:
    try:
        with told_if_unreadable(path):
            return text_lines(path)
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is neither a text file nor a ROOT file; {_EXPECTED} in each line") from error
