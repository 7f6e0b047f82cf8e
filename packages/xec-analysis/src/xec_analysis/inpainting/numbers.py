"""Errors of estimated hidden sensors in numbers: per face, and against the number of photons."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xec_analysis.estimators.network_comparison import NETWORK
from xec_analysis.inpainting.hidden_readings import HiddenReadings
from xec_analysis.resolution.statistics import Number, half_width, mean, root_mean_square
from xec_data.writing.csv_writer import CsvWriter
from xec_data.writing.tree_writer import TreeWriter
from xec_geometry import FACES, face_of_sensor
from xec_geometry.detector.faces import FACE_TABLE
from xec_models.dead_channels.estimators import ESTIMATORS

if TYPE_CHECKING:
    from rich.table import Table

Floats = NDArray[np.float64]

ALL = "all"
# About a half decade each; the first and the last one have no end.
NPHO_EDGES = (-np.inf, 10.0, 30.0, 100.0, 300.0, 1e3, 3e3, np.inf)

_PICOSECOND = 1e12
_ROWS_AT_A_TIME = 1_000_000


@dataclass(frozen=True)
class Numbers:
    """Errors of one method in one group of hidden sensors.

    Attributes
    ----------
    quantity, unit
        Estimated quantity: npho in photons, or time in ps.
    group
        A face, ``all``, or a range of true photons.
    by
        The method.
    count
        Number of sensors.
    truth
        Their mean true value.
    bias, mae, rmse
        Mean, mean absolute and root mean square error.
    res_68, res_95
        Half of the central 68 % and 95 % intervals of the errors.
    bias_error, mae_error, rmse_error, res_68_error, res_95_error
        Statistical errors of these numbers; NaN if they have none.
    """

    quantity: str
    unit: str
    group: str
    by: str
    count: int
    truth: float
    bias: float
    mae: float
    rmse: float
    res_68: float
    res_95: float
    bias_error: float = np.nan
    mae_error: float = np.nan
    rmse_error: float = np.nan
    res_68_error: float = np.nan
    res_95_error: float = np.nan


MEASURES = {"bias": "bias", "mae": "MAE", "rmse": "RMSE", "res_68": "68 %", "res_95": "95 %"}
"""Field of `Numbers` to its heading."""

MEASURES_WITH_ERRORS: dict[str, Callable[[Floats], Number]] = {
    "bias": mean,
    "mae": lambda error: mean(np.abs(error)),
    "rmse": root_mean_square,
    "res_68": half_width,
    "res_95": lambda error: half_width(error, 95.0),
}
"""Field of `Numbers` to what measures it, with its statistical error."""


def by_face(readings: HiddenReadings) -> list[Numbers]:
    """Compute the numbers of every method in every face and in all; also of times if the network has them."""
    usable = readings.comparable
    face = face_of_sensor()[readings.sensor[usable]]
    groups = [*((name, face == k) for k, name in enumerate(FACES)), (ALL, np.ones(len(face), dtype=bool))]
    truth = readings.truth[usable]
    rows = [
        _numbers("npho", "photons", name, by, truth[part], readings.error(by)[usable][part])
        for name, part in groups
        for by in readings.methods
        if part.any()
    ]
    return rows + _times_by_face(readings)


def by_npho(readings: HiddenReadings) -> list[Numbers]:
    """Compute the numbers of every method in ranges of the true number of photons."""
    usable = readings.comparable
    truth = readings.truth[usable]
    rows = []
    for low, high in pairwise(NPHO_EDGES):
        part = (truth >= low) & (truth < high)
        if part.any():
            rows += [
                _numbers(
                    "npho", "photons", _range(low, high), by, truth[part], readings.error(by)[usable][part]
                )
                for by in readings.methods
            ]
    return rows


def numbers_table(rows: Sequence[Numbers], group: str) -> Table:
    """Return the numbers as a rich table, the smallest error of each group in bold.

    Parameters
    ----------
    rows
        From `by_face` or `by_npho`.
    group
        Header of the first column.
    """
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(group, overflow="fold")
    for name in ("count", "mean"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("by", no_wrap=True)
    for name in MEASURES.values():
        table.add_column(name, justify="right", no_wrap=True)
    for members in grouped(rows):
        best = {name: min(abs(getattr(row, name)) for row in members) for name in MEASURES}
        for k, row in enumerate(members):
            head = (group_title(row.group), f"{row.count}", _short(row.truth)) if k == 0 else ("", "", "")
            cells = []
            for name in MEASURES:
                value = getattr(row, name)
                text = _short(value, signed=name == "bias")
                cells.append(f"[bold]{text}[/]" if len(members) > 1 and abs(value) == best[name] else text)
            table.add_row(*head, row.by, *cells)
        table.add_section()
    return table


def numbers_tables(rows: Sequence[Numbers], group: str = "face") -> list[tuple[str, Table]]:
    """Return a title and a table for each quantity."""
    units = {row.quantity: row.unit for row in rows}
    return [
        (
            f"{quantity}: estimate − truth, in {unit}",
            numbers_table([row for row in rows if row.quantity == quantity], group),
        )
        for quantity, unit in units.items()
    ]


def group_title(group: str) -> str:
    """Return the title of a group: of a face by its title, of any other group its name."""
    return FACE_TABLE[group].title if group in FACE_TABLE else group


def grouped(rows: Sequence[Numbers]) -> Iterator[list[Numbers]]:
    """Yield the rows of each group together, in the order in which the groups appear."""
    groups: dict[tuple[str, str], list[Numbers]] = {}
    for row in rows:
        groups.setdefault((row.quantity, row.group), []).append(row)
    yield from groups.values()


def verdicts(rows: Sequence[Numbers]) -> list[str]:
    """Return a line for each network and estimator, the ratio of their RMSE; none without a network."""
    rmse = {(row.by, row.group): row.rmse for row in rows if row.quantity == "npho"}
    names = dict.fromkeys(by for by, _ in rmse)
    lines = []
    for network in (name for name in names if name not in ESTIMATORS):
        for rival in (name for name in names if name in ESTIMATORS):
            ratios = [
                f"{group_title(group)} {rmse[network, group] / value:.2f}"
                for (by, group), value in rmse.items()
                if by == rival and (network, group) in rmse and value > 0
            ]
            if ratios:
                who = "the network" if network == NETWORK else network
                lines.append(f"RMSE of {who} over that of the {rival}: {', '.join(ratios)}")
    return lines


def write_numbers(path: Path, readings: Mapping[str, HiddenReadings]) -> Path:
    """Write all numbers as CSV, one line for each data set, group and method; `against` is face or npho.

    Parameters
    ----------
    path
        The file.
    readings
        Name of a data set to its hidden sensors.
    """
    names = [field.name for field in fields(Numbers)]
    with CsvWriter(path, ["data_set", "against", *names]) as table:
        for data_set, part in readings.items():
            for against, rows in (("face", by_face(part)), ("npho", by_npho(part))):
                columns = {name: [getattr(row, name) for row in rows] for name in names}
                if rows:
                    given = {"data_set": [data_set] * len(rows), "against": [against] * len(rows)}
                    table.extend({**given, **columns})
    return path


def write_residuals(path: Path, readings: HiddenReadings, metadata: Mapping[str, Any]) -> Path:
    """Write every hidden or dead sensor as an entry of a ROOT file.

    The tree `tree`: `run`, `event`, `sensor`, `face` (its number in `xec_geometry.FACES`), `mask_type` (0:
    hidden for the test, 1: really dead), `truth_npho`, and of each estimator `pred_npho_<name>` and
    `error_npho_<name>`; `truth_time` and `pred_time_<name>` in seconds if a network predicts times. NaN
    where there is none.
    """
    with TreeWriter(path, title="hidden sensors and their estimates", metadata=metadata) as tree:
        for start in range(0, len(readings.sensor), _ROWS_AT_A_TIME):
            part = slice(start, start + _ROWS_AT_A_TIME)
            entry, sensor = readings.entry[part], readings.sensor[part]
            columns: dict[str, NDArray[np.generic]] = {
                "run": readings.run[entry].astype(np.int64),
                "event": readings.event[entry].astype(np.int64),
                "sensor": sensor.astype(np.int32),
                "face": face_of_sensor()[sensor].astype(np.uint8),
                "mask_type": readings.mask_type[part],
                "truth_npho": readings.truth[part].astype(np.float32),
            }
            for name in readings.methods:
                branch = name.replace(" ", "_")
                columns[f"pred_npho_{branch}"] = readings.estimates[name][part].astype(np.float32)
                columns[f"error_npho_{branch}"] = readings.error(name)[part].astype(np.float32)
            if len(readings.time_truth):
                columns["truth_time"] = readings.time_truth[part].astype(np.float32)
                for name, times in readings.time_estimates.items():
                    columns[f"pred_time_{name.replace(' ', '_')}"] = times[part].astype(np.float32)
            tree.extend(columns)
    return path


def _times_by_face(readings: HiddenReadings) -> list[Numbers]:
    if not len(readings.time_truth):
        return []
    usable = np.isfinite(readings.time_truth)
    for times in readings.time_estimates.values():
        usable &= np.isfinite(times)
    truth = readings.time_truth[usable] * _PICOSECOND
    errors = {by: x[usable] * _PICOSECOND - truth for by, x in readings.time_estimates.items()}
    face = face_of_sensor()[readings.sensor[usable]]
    groups = [*((name, face == k) for k, name in enumerate(FACES)), (ALL, np.ones(len(face), dtype=bool))]
    return [
        _numbers("time", "ps", name, by, truth[part], error[part])
        for name, part in groups
        for by, error in errors.items()
        if part.any()
    ]


def _numbers(quantity: str, unit: str, group: str, by: str, truth: Floats, error: Floats) -> Numbers:
    measured = {name: measure(error) for name, measure in MEASURES_WITH_ERRORS.items()}
    return Numbers(
        quantity=quantity,
        unit=unit,
        group=group,
        by=by,
        count=len(error),
        truth=float(truth.mean()),
        **{name: number.value for name, number in measured.items()},
        **{
            f"{name}_error": np.nan if number.error is None else number.error
            for name, number in measured.items()
        },
    )


def _short(value: float, signed: bool = False) -> str:
    """Three digits, or a whole number; never wide, so that a table fits into a terminal."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:{'+' if signed else ''}.{digits}f}".replace("-", "−")


def _range(low: float, high: float) -> str:
    if not np.isfinite(low):
        return f"below {high:g}"
    return f"above {low:g}" if not np.isfinite(high) else f"{low:g}…{high:g}"
