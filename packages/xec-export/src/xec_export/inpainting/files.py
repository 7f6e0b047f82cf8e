"""Copies of ROOT files in which an inpainter has recovered the dead channels."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xec_data import find_files
from xec_data.dead_channels.sources import DeadChannelSource
from xec_data.reading.file_identity import identity_of, unchanged
from xec_data.reading.root_files import find_checksums, find_tree, open_file
from xec_data.reading.tree_info import TreeInfo, inspect_files, inspect_tree
from xec_data.schema.branches import INVALID, is_invalid
from xec_data.schema.checksums import CHECKSUMS_KEY, TreeChecksums
from xec_data.writing.root_output import root_output
from xec_export.errors import ExportError
from xec_export.inpainting.network import SUFFIX, InpaintingNetwork
from xec_export.output.input_check import InputCheck, named
from xec_export.output.tree_copy import StoredTree, as_rows, compression_of, copy_the_rest, create_tree
from xec_export.output.written_file import WrittenFile
from xec_export.prediction.clock import earliest, minus, needs_subtraction, subtraction_notes
from xec_export.prediction.input_dump import DUMPED_EVENTS, InputDump, check_dump, open_input_dump
from xec_export.recovery.known_dead import KnownDead
from xec_geometry import N_SENSORS
from xec_geometry.errors import did_you_mean
from xec_geometry.support.output import check_writable

Bools = NDArray[np.bool_]

FLAG = "inpainted"
"""Branch that flags the recovered readings."""


@dataclass(frozen=True)
class InpaintingReport(WrittenFile):
    """Result of an inpainting; events without any valid reading beside the dead ones stay as they are.

    Attributes
    ----------
    n_channels
        Readings that were recovered, over all events.
    least, most
        The smallest and largest number of them in an event.
    n_bad
        How many of them are of sensors known as bad; the others only have no valid count in their event.
    n_left
        Readings without a valid count, of sensors not known as bad, that were left as they are.
    """

    n_channels: int
    least: int
    most: int
    n_bad: int
    n_left: int


def inpaint_files(
    network: InpaintingNetwork,
    inputs: Sequence[str | Path],
    output: str | Path,
    *,
    dead: Sequence[DeadChannelSource] = (),
    invalid: bool | None = None,
    tree_name: str = "tree",
    npho_branch: str | None = None,
    time_branch: str | None = None,
    progress: Callable[[int, int], None] | None = None,
    accept_range: bool = False,
    dump: str | Path | None = None,
    dump_events: int = DUMPED_EVENTS,
) -> InpaintingReport:
    """Write a copy of some files with the dead channels recovered.

    The counts, and the times if the network predicts them, of dead channels are replaced by its
    predictions; a time below the network's threshold of photons becomes invalid. In a file with absolute
    times only the recovered ones stand on its clock. The branch `inpainted` flags what was replaced. All
    other numbers stay as they are stored, in this tree and, of the first input, in others.

    Parameters
    ----------
    network
        The inpainter.
    inputs
        Files, folders or patterns; their events follow each other in this order.
    output
        The file to write.
    dead
        Sources of sensors that are known as bad. By default those of the branch `dead`, if there is one.
    invalid
        Whether sensors without a valid count in an event are recovered, too, known as bad or not; None: only
        without `dead`. Those that are not recovered stay invalid, and the network sees them so.
    tree_name
        The tree in the inputs.
    npho_branch, time_branch
        Names of the readings in the inputs; by default those that the network was trained on.
    progress
        Called with the numbers of events done and of all events.
    accept_range
        Whether events are accepted that are unlike those of the training.
    dump
        Another file to write, with readings, dead channels and outputs of the network, see `InputDump`.
    dump_events
        The number of events in it, the first ones.

    Returns
    -------
    InpaintingReport
        The file, and the numbers of recovered readings.

    Raises
    ------
    ExportError, DataError, OutputError
        If an input cannot be read or differs in its branches, or the output cannot be written.
    """
    start = time.monotonic()
    files = find_files(list(inputs))
    protected = [network.path, *files]
    output = check_writable(output, inputs=protected)
    dump = None if dump is None else check_dump(Path(dump), output, protected)
    inspect = partial(
        inspect_tree,
        branches=("npho", "time"),
        tree_name=tree_name,
        npho_branch=npho_branch or network.npho_branch,
        time_branch=time_branch or network.time_branch,
        optional=("run", "dead", "timeTruth"),
    )
    identities = {path: identity_of(path) for path in files}
    infos, left_out = inspect_files(files, inspect)
    files = [info.path for info in infos]
    check = InputCheck(network.input_range, named(files), accept=accept_range)
    check.require_branch(infos, npho_branch or network.npho_branch)
    recover_invalid = not dead if invalid is None else invalid
    copy = _Copy(network, list(dead), infos, check, progress, recover_invalid)
    copy.notes += left_out
    n_dumped = min(dump_events, copy.total)
    with (
        open_file(files[0]) as first,
        nullcontext() if dump is None else open_input_dump(dump, network.description, n_dumped) as copy.dump,
        root_output(output, compression_of(first)) as target,
    ):
        for info in infos:
            with unchanged(info.path, identities[info.path]), open_file(info.path) as source:
                tree = find_tree(source, info.path, info.tree)
                copy.append(target, tree, info, find_checksums(source, tree, info.path))
        if copy.n_unread == copy.n_events:
            raise ExportError(
                f"{named(files)}: no event has a valid "
                f"reading of '{infos[0].stored['npho']}' beside dead channels; expected photons"
            )
        copy.notes += check.finish()
        target[CHECKSUMS_KEY] = copy.checksums.to_text()
        with unchanged(files[0], identities[files[0]]):
            copy.notes += copy_the_rest(target, first, files[0], infos[0].tree)
    report = copy.report(output, time.monotonic() - start)
    return report if dump is None else replace(report, dump=dump, n_dumped=n_dumped)


class _Copy:
    """The state of a copy over several files."""

    def __init__(
        self,
        network: InpaintingNetwork,
        sources: list[DeadChannelSource],
        infos: list[TreeInfo],
        check: InputCheck,
        progress: Callable[[int, int], None] | None,
        recover_invalid: bool,
    ) -> None:
        self.recover_invalid = recover_invalid
        self.network, self.sources, self.progress = network, sources, progress
        self.check = check
        self.checksums = TreeChecksums()
        self.total = sum(info.n_entries for info in infos)
        absolute = [info.path for info in infos if needs_subtraction(info, network.time_branch)]
        self._absolute = frozenset(absolute)
        self.notes = [note for info in infos for note in info.notes] + subtraction_notes(absolute)
        self.n_events = self.n_unread = self.n_channels = self.most = 0
        self.n_bad = self.n_left = 0
        self.dump: InputDump | None = None
        self.least: int | None = None
        self._tree: Any = None
        self._types: dict[str, Any] = {}
        self._known = KnownDead(sources)

    def append(self, target: Any, tree: Any, info: TreeInfo, checksums: TreeChecksums | None) -> None:
        """Copy the events of one file."""
        stored = StoredTree(tree, info.path, checksums)
        self.notes += stored.notes
        sensors = {info.stored[name]: (N_SENSORS,) for name in ("npho", "time")}
        types = stored.layout(sensors)
        # Flags of an earlier pass stay.
        types[FLAG] = np.dtype((np.bool_, (N_SENSORS,)))
        if self._tree is None:
            self._types = types
            self._tree = create_tree(target, info.tree, types, tree.title)
        elif types != self._types:
            raise ExportError(f"{info.path}: {_difference(types, self._types)}; expected those of the others")
        for start, stop in stored.entry_ranges(info.stored["npho"]):
            columns = {name: stored.read(name, start, stop) for name in stored.branches}
            place = f"{info.path}, entries {start} to {stop - 1}"
            for name in sensors:
                columns[name] = as_rows(columns[name], N_SENSORS, f"{place}, branch '{name}'")
            self._recover(columns, info)
            self._tree.extend(columns)
            self.checksums.add(columns)

    def report(self, output: Path, seconds: float) -> InpaintingReport:
        """Return the report."""
        notes = list(dict.fromkeys(self.notes))
        if self.n_unread:
            notes.append(
                f"{self.n_unread} of {self.n_events} events have no valid count beside dead channels: "
                "nothing is recovered there"
            )
        return InpaintingReport(
            output,
            self.n_events,
            self.n_unread,
            seconds,
            tuple(notes),
            self.n_channels,
            self.least or 0,
            self.most,
            self.n_bad,
            self.n_left,
        )

    def _recover(self, columns: dict[str, Any], info: TreeInfo) -> None:
        """Replace the readings of dead channels in place, and flag them."""
        stored = {name: columns[info.stored[name]] for name in ("npho", "time")}
        time, start = stored["time"], None
        if info.path in self._absolute:
            start = earliest(time)
            time = minus(time, start)
        self.check.add(stored["npho"], time)
        bad = self._bad(columns, info, stored["npho"])
        invalid: Bools = is_invalid(stored["npho"])
        dead = bad | invalid if self.recover_invalid else bad
        seeing: Bools = ~np.all(invalid | bad, axis=1)
        dead = dead & seeing[:, None]
        self.n_bad += int((dead & bad).sum())
        self.n_left += int((invalid & ~bad & ~dead).sum())
        step = self.network.batch_size
        for first in range(0, len(dead), step):
            batch = slice(first, first + step)
            dumps = self.dump is not None and not self.dump.is_full
            if dumps or dead[batch].any():
                inputs = (stored["npho"][batch], time[batch], dead[batch])
                found = self.network.recover(*inputs)
                if self.dump is not None:
                    self.dump.add(inputs, {name + SUFFIX: values for name, values in found.items()})
                kept: dict[str, NDArray[Any]] = dict(found)
                if start is not None and "time" in found:
                    kept["time"] = _on_clock_of_file(found["time"], start[batch])
                for name, values in kept.items():
                    np.copyto(stored[name][batch], values, where=dead[batch], casting="same_kind")
            if self.progress is not None:
                self.progress(self.n_events + min(first + step, len(dead)), self.total)
        number = dead.sum(axis=1)
        self.n_events += len(dead)
        self.n_unread += int((~seeing).sum())
        self.n_channels += int(number.sum())
        self.most = max(self.most, int(number.max()))
        self.least = min(int(number.min()), self.most if self.least is None else self.least)
        earlier = columns.get(FLAG)
        columns[FLAG] = dead if earlier is None else dead | earlier.astype(np.bool_)

    def _bad(self, columns: dict[str, Any], info: TreeInfo, npho: NDArray[Any]) -> Bools:
        """Return the sensors that are known as bad, (n, N_SENSORS)."""
        if not self.sources:
            if "dead" not in info.stored:
                return np.zeros(npho.shape, dtype=np.bool_)
            where = f"{info.path}, branch '{info.stored['dead']}'"
            return as_rows(columns[info.stored["dead"]], N_SENSORS, where).astype(np.bool_)
        runs = columns[info.stored["run"]] if "run" in info.stored else None
        return self._known.of_events(runs, len(npho))


def _on_clock_of_file(time: NDArray[np.float32], start: NDArray[np.float64]) -> NDArray[np.float64]:
    """Add the absolute time of each event's zero; without one there is no absolute time."""
    absolute = time + start[:, None]
    return np.where(is_invalid(time) | np.isnan(absolute), INVALID, absolute)


def _difference(found: dict[str, Any], expected: dict[str, Any]) -> str:
    for name in [*expected, *found]:
        if found.get(name) != expected.get(name):
            if name not in found:
                return f"no branch '{name}'{did_you_mean(name, found)}"
            if name not in expected:
                return f"the branch '{name}', which the others do not have"
            return f"the branch '{name}' is {found[name]}, not {expected[name]}"
    return "the same branches"
