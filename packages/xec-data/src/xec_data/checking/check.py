"""Looking through a whole file: what it holds, and what it can be used for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xec_data.checking.report import BranchReport, FileReport, ValueReport
from xec_data.checking.statistics import ReadingStatistics, ValueStatistics
from xec_data.errors import DataError
from xec_data.reading.chunk import EventChunk
from xec_data.reading.open_trees import OpenTrees
from xec_data.reading.reader import EventReader
from xec_data.reading.root_files import describe_branch
from xec_data.reading.tree_info import check_stored, describe_shape, resolve
from xec_data.schema.branches import (
    NPHO_BRANCH,
    RECO_BRANCHES,
    SCHEMA,
    SENSOR_BRANCHES,
    TIME_BRANCH,
    TREE_NAME,
    TRUTH_BRANCHES,
    is_invalid,
)
from xec_data.tasks.table import TASKS, needed_branches, plausible_ranges, purposes
from xec_geometry import xyz_to_uvw

DEAD_ABOVE = 0.95
"""By default a sensor that is invalid in more than this fraction of the events counts as dead."""

_UVW_TOLERANCE = 0.01
_LENGTH_TOLERANCE = 1e-3

Progress = Callable[[int, int], None]


def check_file(
    path: str | Path,
    *,
    tree_name: str = TREE_NAME,
    npho_branch: str = NPHO_BRANCH,
    time_branch: str = TIME_BRANCH,
    progress: Progress | None = None,
    dead_above: float = DEAD_ABOVE,
    counts: ReadingStatistics | None = None,
) -> FileReport:
    """Read a file from end to end and say what it is good for.

    Parameters
    ----------
    path
        The file.
    tree_name
        Name of the tree.
    npho_branch, time_branch
        Stored names of the readings.
    progress
        Called with the events done and their total after every chunk.
    dead_above
        A sensor that is invalid in more than this fraction of the events counts as dead.
    counts
        Takes in what is seen of `npho`, to count over several files.

    Returns
    -------
    FileReport
        With `error` set, and usable for nothing, if the file cannot be read.
    """
    path = Path(path)
    report = FileReport(str(path), tree_name, dead_above=dead_above)
    stated = {"npho": npho_branch, "time": time_branch}
    problems: dict[str, str] = {}
    # Opening a file takes as long as reading hundreds of its events: once, for all that is to be known.
    opened = OpenTrees(tree_name)
    try:
        readable = _look_at_branches(path, opened, report, problems, stated)
        if report.n_entries == 0:
            raise DataError(f"{path}: tree '{tree_name}' has 0 events; expected at least one")
        if readable:
            seen = _read_through(path, opened, report, readable, problems, stated, progress)
            if counts is not None and "npho" in seen:
                counts.include(seen["npho"])
    except DataError as error:
        report.error = str(error)
    finally:
        opened.close()
    _judge(report, problems)
    return report


def _look_at_branches(
    path: Path, opened: OpenTrees, report: FileReport, problems: dict[str, str], stated: dict[str, str]
) -> list[str]:
    """Describe all branches; give the names of the schema that can be read."""
    readable = []
    tree = opened[path]
    report.size = path.stat().st_size
    report.n_entries = int(tree.num_entries)
    available = tree.keys(recursive=True, full_paths=False)
    names = {}
    for branch in SCHEMA.values():
        found, _ = resolve(branch, available, stated.get(branch.name))
        if found is not None:
            names[found] = branch.name
        else:
            problems[branch.name] = f"no branch {branch.name}"
    for key in available:
        stored = describe_branch(tree[key])
        name = names.get(key)
        row = BranchReport(
            key,
            name,
            stored.typename,
            "varies" if stored.shape is None else describe_shape(stored.shape),
            stored.n_entries,
            int(tree[key].num_baskets),
            _compression(tree[key]),
            _ratio(tree[key]),
        )
        report.branches.append(row)
        if name is None:
            continue
        try:
            check_stored(stored, SCHEMA[name], report.n_entries, f"{path}: tree '{report.tree}'")
            readable.append(name)
        except DataError as error:
            row.problem = str(error).partition("branch ")[2] or str(error)
            problems[name] = row.problem
    return readable


def _read_through(
    path: Path,
    opened: OpenTrees,
    report: FileReport,
    readable: list[str],
    problems: dict[str, str],
    stated: dict[str, str],
    progress: Progress | None,
) -> dict[str, ReadingStatistics]:
    names: dict[str, Any] = {
        "tree_name": report.tree,
        **{f"{name}_branch": stored for name, stored in stated.items() if name in readable},
    }
    try:
        reader = EventReader(path, readable, opened=opened, **names)
    except DataError as error:
        if "emiAng" not in readable:
            raise
        # Most likely the unit of the angles; anything else is raised once more without them.
        readable = [name for name in readable if name != "emiAng"]
        if not readable:
            raise
        reader = EventReader(path, readable, opened=opened, **names)
        problems["emiAng"] = str(error).removeprefix(f"{path}: tree '{report.tree}': ")
    report.n_clusters = len(reader.trees[0].cluster_starts)
    report.notes += [note.removeprefix(f"{path}: ") for note in reader.notes]
    report.angle_unit = reader.angle_units.get(path)
    report.has_checksums = reader.has_checksums(path)
    readings = {name: ReadingStatistics() for name in SENSOR_BRANCHES if name in readable}
    values = {name: ValueStatistics() for name in (*TRUTH_BRANCHES, *RECO_BRANCHES) if name in readable}
    done = 0
    for chunk in reader:
        for name, statistics in readings.items():
            statistics.add(chunk[name])
        for name, ranges in values.items():
            ranges.add(chunk[name], chunk.shard.start)
        _compare(chunk, report)
        done += len(chunk)
        if progress is not None:
            progress(done, report.n_entries)
    _summarize_readings(report, readings, problems)
    _summarize_values(report, values, problems)
    return readings


def _compare(chunk: EventChunk, report: FileReport) -> None:
    """Quantities that say the same thing twice."""
    if "uvwTruth" in chunk and "xyzTruth" in chunk:
        uvw, xyz = _valid_events(chunk["uvwTruth"], chunk["xyzTruth"])
        distance = np.linalg.norm(xyz_to_uvw(xyz) - uvw, axis=1)
        report.largest_uvw_difference = _larger(report.largest_uvw_difference, distance)
    if "emiVec" in chunk:
        (directions,) = _valid_events(chunk["emiVec"])
        deviation = np.abs(np.linalg.norm(directions, axis=1) - 1)
        report.largest_length_deviation = _larger(report.largest_length_deviation, deviation)


def _valid_events(*vectors: NDArray[Any]) -> list[NDArray[np.float64]]:
    valid = ~np.concatenate([is_invalid(vector) for vector in vectors], axis=1).any(axis=1)
    return [vector[valid].astype(np.float64) for vector in vectors]


def _larger(so_far: float | None, numbers: NDArray[np.float64]) -> float | None:
    if not numbers.size:
        return so_far
    return max(so_far or 0.0, float(numbers.max()))


def _summarize_readings(
    report: FileReport, readings: dict[str, ReadingStatistics], problems: dict[str, str]
) -> None:
    for name, statistics in readings.items():
        report.readings[name] = statistics.by_face()
        report.reading_ranges[name] = (
            None if statistics.all_invalid else (statistics.lowest, statistics.highest)
        )
        if statistics.all_invalid:
            problems[f"{name} readings"] = f"all readings of {name} are invalid"
    if "npho" in readings:
        report.dead = readings["npho"].dead(report.dead_above)


def _summarize_values(
    report: FileReport, values: dict[str, ValueStatistics], problems: dict[str, str]
) -> None:
    for name, statistics in values.items():
        unit = SCHEMA[name].unit
        report.values.append(
            ValueReport(name, unit, statistics.ranges, statistics.n_invalid, statistics.first_invalid)
        )
        if statistics.n_invalid:
            problems[name] = (
                f"{name} is invalid in {statistics.n_invalid} of {statistics.n_events} events "
                f"(first: entry {statistics.first_invalid})"
            )
        plausible = plausible_ranges().get(name, ((-np.inf, np.inf),) * len(statistics.ranges))
        for limits, (low, high) in zip(statistics.ranges, plausible, strict=True):
            if limits is not None and not (low <= limits[0] and limits[1] <= high):
                expected = f"expected {unit}: another unit?" if unit else f"expected {low:g} to {high:g}"
                report.notes.append(f"{name} goes from {limits[0]:.4g} to {limits[1]:.4g}; {expected}")
    if (report.largest_length_deviation or 0.0) > _LENGTH_TOLERANCE:
        problems["emiVec"] = f"emiVec is not of length 1 (off by up to {report.largest_length_deviation:.3g})"
    if (report.largest_uvw_difference or 0.0) > _UVW_TOLERANCE:
        report.notes.append(
            f"uvwTruth and xyzTruth are different points, up to {report.largest_uvw_difference:.3g} cm apart"
        )


def _judge(report: FileReport, problems: dict[str, str]) -> None:
    """Say for every task and objective what stands in its way."""
    for purpose in purposes():
        reasons = [problems[name] for name in needed_branches(purpose) if name in problems]
        # Without a single time every network works on counts alone; only a time is impossible.
        times = purpose in TASKS and TASKS[purpose].needs_times
        blocking = ("npho readings", "time readings") if times else ("npho readings",)
        reasons += [problems[name] for name in blocking if name in problems]
        if report.error is not None:
            reasons = [report.error]
        report.usable[purpose] = not reasons
        report.reasons[purpose] = reasons


def _compression(branch: Any) -> str:
    compression = branch.compression
    if compression is None and branch.compressed_bytes < branch.uncompressed_bytes:
        # Trees written by uproot only state the compression of the file.
        compression = branch.file.compression
    return "none" if compression is None else f"{type(compression).__name__} {compression.level}"


def _ratio(branch: Any) -> float | None:
    if not branch.compressed_bytes:
        return None
    return float(branch.uncompressed_bytes / branch.compressed_bytes)
