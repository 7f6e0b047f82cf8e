"""The events of files as predictions need them: readings, and what stands beside the predictions."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xec_data import EventReader
from xec_data.reading.chunk import EventChunk
from xec_data.reading.tree_info import TreeInfo
from xec_data.schema.branches import ID_BRANCHES, INVALID, SCHEMA
from xec_export.errors import ExportError
from xec_export.onnx.description import ModelDescription
from xec_export.prediction.clock import Clock
from xec_export.prediction.copied_branches import CopiedBranches
from xec_export.prediction.options import PredictionOptions
from xec_export.prediction.prefetch import read_ahead
from xec_geometry import N_SENSORS

Columns = dict[str, NDArray[Any]]

ENTRY_BRANCH, DEAD = "entry", "dead"

# Branches of the schema that are not sensor readings.
ACCOMPANYING = tuple(name for name, branch in SCHEMA.items() if branch.shape != (N_SENSORS,))


@dataclass(frozen=True)
class InputEvents:
    """Consecutive events.

    Attributes
    ----------
    npho, time
        (n, sensors) raw readings; invalid where a sensor is known as dead.
    columns
        What stands beside the predictions, (n, …) each.
    dead
        (n, sensors) those known as dead, if something is to be done about them.
    time_offset
        (n,) the absolute time at which `time` is zero, in s; NaN where it is not known, None if it is for
        no event of any file.
    """

    npho: NDArray[Any]
    time: NDArray[Any]
    columns: Columns
    time_offset: NDArray[np.float64] | None = None
    dead: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.npho)

    def __getitem__(self, part: slice) -> InputEvents:
        return InputEvents(
            self.npho[part],
            self.time[part],
            {name: values[part] for name, values in self.columns.items()},
            None if self.time_offset is None else self.time_offset[part],
            None if self.dead is None else self.dead[part],
        )


class PredictionInputs:
    """The events of some files; iterating gives `InputEvents`, read ahead by a thread.

    Parameters
    ----------
    files
        The files; their events follow each other.
    description
        The network.
    options
        What the user asked for.

    Raises
    ------
    ExportError, DataError
        If a file cannot be read.
    """

    def __init__(
        self, files: Sequence[Path], description: ModelDescription, options: PredictionOptions
    ) -> None:
        npho_branch, time_branch = options.readings(description)
        with warnings.catch_warnings():
            # Said again, in one line, by the reader's notes.
            warnings.simplefilter("ignore", FutureWarning)
            self._reader = EventReader(
                list(files),
                ["npho", "time"],
                optional=(*ACCOMPANYING, *((DEAD,) if self._asks_for_dead(options) else ())),
                tree_name=options.tree_name,
                npho_branch=npho_branch,
                time_branch=time_branch,
                angle_unit=options.angle_unit,
            )
        self._treatment = options.dead_channels
        if self._asks_for_dead(options) and DEAD not in self._reader.branches:
            lacking = next(tree.path for tree in self._reader.trees if DEAD not in tree.stored)
            raise ExportError(
                f"{lacking} has no branch '{DEAD}': no sensors are known as dead; expected --dead SOURCE"
            )
        self._kept = tuple(name for name in self._reader.branches if name in ACCOMPANYING)
        copied = [name for name in options.branches if name not in self._kept]
        self._copied = CopiedBranches(copied, [tree.path for tree in self._reader.trees], options.tree_name)

        self._clock = Clock(self._reader.trees, description.time_branch)

    @property
    def n_events(self) -> int:
        """Number of events."""
        return self._reader.n_events

    @property
    def trees(self) -> tuple[TreeInfo, ...]:
        """The files, as they were inspected."""
        return tuple(self._reader.trees)

    @property
    def npho_branch(self) -> str:
        """The branch of the photon counts in the first file."""
        return self._reader.trees[0].stored["npho"]

    def notes(self) -> list[str]:
        """Return notes for the user."""
        return [*self._reader.notes, *self._left_out(), *self._clock.notes()]

    def __iter__(self) -> Iterator[InputEvents]:
        return read_ahead(self._events())

    def _events(self) -> Iterator[InputEvents]:
        first = 0
        try:
            for chunk in self._reader:
                columns = {name: chunk[name] for name in self._kept}
                if not set(ID_BRANCHES) <= columns.keys():
                    entries = np.arange(first, first + len(chunk), dtype=np.int64)
                    columns = {ENTRY_BRANCH: entries, **columns}
                columns = without_collisions(columns, self._copied.read(chunk.shard))
                first += len(chunk)
                time, offset = self._clock.read(chunk.shard, chunk["time"])
                npho, dead = chunk["npho"], self._dead_in(chunk)
                if dead is not None:
                    npho, time = (np.where(dead, np.float32(INVALID), values) for values in (npho, time))
                yield InputEvents(npho, time, columns, offset if self._clock.is_known else None, dead)
        finally:
            self._clock.close()
            self._copied.close()

    def _dead_in(self, chunk: EventChunk) -> NDArray[np.bool_] | None:
        if self._treatment is None:
            return None
        return self._treatment.dead(chunk.get("run"), chunk.get(DEAD), len(chunk))

    @staticmethod
    def _asks_for_dead(options: PredictionOptions) -> bool:
        return options.dead_channels is not None and options.dead_channels.needs_branch

    def _left_out(self) -> list[str]:
        trees = self._reader.trees
        somewhere = {name for tree in trees for name in tree.stored}
        notes = []
        for name in sorted(somewhere - set(self._reader.branches)):
            lacking = [tree.path for tree in trees if name not in tree.stored]
            if lacking:
                notes.append(f"the branch '{name}' is left out: {lacking[0]} has none")
        return notes


def without_collisions(columns: Columns, more: Columns) -> Columns:
    """Put columns together.

    Raises
    ------
    ExportError
        If two have the same name.
    """
    for name in more:
        if name in columns:
            raise ExportError(
                f"--branches: the branch '{name}' of the inputs has the name of a column of the output; "
                "leave it out"
            )
    return {**columns, **more}
