"""The events of a training: files, selection and truth, checked before it starts."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xec_data.reading.reader import EventReader
from xec_data.schema.branches import SENSOR_BRANCHES
from xec_data.schema.validity import check_truth
from xec_geometry.detector.fiducial import in_fiducial
from xec_train.config.sections import AUTO, DataConfig, FiducialConfig
from xec_train.data.plan import Source
from xec_train.errors import TrainError

_POSITION = "uvwTruth"
_TRUTH_CHUNK = 100_000


@dataclass(frozen=True)
class Events:
    """Events of files that have been checked.

    Attributes
    ----------
    reader
        Reads readings and truth of any range of entries.
    sources
        The events of each file that take part.
    truth
        Truth of these events, by branch, in the order of the files.
    n_stored
        Number of events in the files, those outside the fiducial volume included.
    notes
        Notes for the user.
    """

    reader: EventReader
    sources: list[Source]
    truth: dict[str, NDArray[Any]]
    n_stored: int
    notes: list[str] = field(default_factory=list)

    @property
    def n_events(self) -> int:
        """Number of events that take part."""
        return sum(map(len, self.sources))


def open_events(
    paths: Sequence[str],
    truth: Sequence[str],
    config: DataConfig,
    *,
    optional: Sequence[str] = (),
    threads: int | None = None,
) -> Events:
    """Open files, read their truth once, and raise at whatever would spoil a training.

    Parameters
    ----------
    paths
        Files, folders, patterns.
    truth
        Truth branches that are needed.
    config
        Names, unit of the angles, fiducial cut.
    optional
        Branches that are read if every file has them.
    threads
        Threads that decompress.

    Returns
    -------
    Events
        The events inside the fiducial volume, if that cut is on.

    Raises
    ------
    DataError
        If a file, tree, branch, unit or truth value is not valid, or all readings are invalid.
    TrainError
        If no event passes the fiducial cut.
    """
    settings: dict[str, Any] = {
        "tree_name": config.tree_name,
        "npho_branch": config.npho_branch,
        "time_branch": config.time_branch,
        "angle_unit": config.angle_unit,
        "num_threads": threads if config.num_threads == AUTO else config.num_threads,
    }
    wanted = [*truth, *([_POSITION] if config.fiducial.enabled else [])]
    with warnings.catch_warnings():
        # The configuration has a note of its own on deprecated branches.
        warnings.simplefilter("ignore", FutureWarning)
        every = EventReader(paths, [*SENSOR_BRANCHES, *wanted], optional=optional, **settings)
    reader = every.only([name for name in every.branches if name in (*SENSOR_BRANCHES, *truth, *optional)])
    reader.check_readings()
    sources, values = _scan_truth(every, wanted, config)
    n_stored = sum(tree.n_entries for tree in reader.trees)
    events = Events(reader, sources, values, n_stored, list(reader.notes))
    if not events.n_events:
        raise TrainError(
            f"none of the {n_stored} events in {', '.join(paths)} lies in the fiducial volume "
            f"({_in_words(config.fiducial)}); expected at least one (data.fiducial)"
        )
    return events


def _scan_truth(
    reader: EventReader, branches: Sequence[str], config: DataConfig
) -> tuple[list[Source], dict[str, NDArray[Any]]]:
    """Check the truth in one pass, and find the events inside the fiducial volume."""
    if not branches:
        return [Source(tree) for tree in reader.trees], {}
    kept: dict[Any, list[NDArray[np.int64]]] = {tree.path: [] for tree in reader.trees}
    values: dict[str, list[NDArray[Any]]] = {name: [] for name in branches}
    for chunk in reader.only(branches, _TRUTH_CHUNK):
        inside = np.ones(len(chunk), dtype=bool)
        if config.fiducial.enabled:
            limits = config.fiducial.model_dump(exclude={"enabled"})
            inside = in_fiducial(chunk[_POSITION], **limits)
        # The truth of events that are cut away is not checked; entry numbers stay right.
        check_truth({name: _zero_where(array, ~inside) for name, array in chunk.items()}, chunk.shard)
        kept[chunk.shard.path].append(np.flatnonzero(inside) + chunk.shard.start)
        for name in branches:
            values[name].append(chunk[name][inside])
    sources = []
    for tree in reader.trees:
        entries = np.concatenate(kept[tree.path])
        sources.append(Source(tree, None if len(entries) == tree.n_entries else entries))
    return sources, {name: np.concatenate(parts) for name, parts in values.items()}


def _zero_where(array: NDArray[Any], mask: NDArray[np.bool_]) -> NDArray[Any]:
    return np.where(mask.reshape(-1, *[1] * (array.ndim - 1)), np.zeros((), array.dtype), array)


def _in_words(cut: FiducialConfig) -> str:
    below = "" if cut.w_max is None else f" < {cut.w_max:g}"
    return f"|u| < {cut.u_max:g}, |v| < {cut.v_max:g}, {cut.w_min:g} ≤ w{below} cm"
