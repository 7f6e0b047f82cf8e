"""Tables of the report about a file, for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from xec_data.checking.report import BranchReport, FileReport
from xec_data.checking.statistics import shorten_ids
from xec_data.schema.branches import SCHEMA
from xec_data.tasks.table import RECONSTRUCTIONS, TASKS

_DEAD_LISTED = 200
_BESIDE_CELL = 3  # a line and two spaces
_BRANCH_COLUMNS: dict[str, dict[str, Any]] = {
    "branch → read as": {"no_wrap": True},
    "type": {},
    "baskets": {"justify": "right"},
    "compression": {"no_wrap": True},
    "problem": {},
}


def print_report(report: FileReport, console: Console) -> None:
    """Print the report about a file.

    Parameters
    ----------
    report
        From `check_file`.
    console
        Where to.
    """
    console.rule(f"[bold]{escape(report.path)}[/]")
    if report.branches:
        counts = f"{report.n_entries} events in {report.n_clusters} clusters, {report.size / 1e6:.1f} MB"
        console.print(f"tree [bold]{escape(report.tree)}[/]: {counts}")
        console.print(_branch_table(report, console.width))
    if report.readings:
        console.print(_reading_table(report, console.width))
        console.print(_dead_line(report))
    if report.values:
        console.print(_value_table(report, console.width))
    for line in _comparisons(report):
        console.print(line)
    for note in report.notes:
        console.print(f"[yellow]note:[/] {escape(note)}")
    for line in usable_lines(report):
        console.print(line)


def print_summary(reports: Sequence[FileReport], console: Console) -> None:
    """Print a line for every file, and one for all."""
    console.rule("[bold]summary[/]")
    for report in reports:
        console.print(escape(report.line()), soft_wrap=True)
    good = [report for report in reports if report.is_usable]
    n_events = sum(report.n_entries for report in good)
    console.print(f"{len(good)} of {len(reports)} files are usable, with {n_events} events")


def usable_lines(report: FileReport) -> list[str]:
    """Describe what the file can be used for, and why not for the rest, with rich's markup."""
    tasks = [task for task in TASKS if report.usable[task]]
    usable = ([f"regression ({', '.join(tasks)})"] if tasks else []) + [
        name for name in RECONSTRUCTIONS if report.usable[name]
    ]
    style = "green" if usable else "red"
    lines = [f"[bold {style}]usable for: {', '.join(usable) if usable else 'nothing'}[/]"]
    by_reason: dict[str, list[str]] = {}
    for purpose, reasons in report.reasons.items():
        if reasons:
            by_reason.setdefault("; ".join(reasons), []).append(purpose)
    for reason, purposes in by_reason.items():
        lines.append(f"not usable for {', '.join(purposes)}: {escape(reason)}")
    return lines


def _branch_table(report: FileReport, width: int) -> Table:
    table = Table()
    for title, options in _BRANCH_COLUMNS.items():
        table.add_column(title, **options)
    for is_usual, group in groupby(report.branches, lambda row: row.name is not None and not row.problem):
        if is_usual:
            _add_block(table, map(_branch_cells, group), width)
            continue
        # Types and problems may be of any length: rich breaks them into lines.
        for row in group:
            table.add_row(*map(Text, _branch_cells(row)), style=None if row.name else "dim")
    return table


def _branch_cells(row: BranchReport) -> tuple[str, ...]:
    ratio = f" ({row.ratio:.1f}×)" if row.ratio is not None and row.compression != "none" else ""
    return (
        row.stored if row.name in (None, row.stored) else f"{row.stored} → {row.name}",
        row.typename.replace("std::", ""),
        str(row.n_baskets),
        row.compression + ratio,
        row.problem or "",
    )


def _reading_table(report: FileReport, width: int) -> Table:
    table = Table("face", "sensors", title="Invalid readings (above 9e9 or NaN), of these NaN")
    for name in report.readings:
        limits = report.reading_ranges[name]
        unit = SCHEMA[name].unit
        found = f"{limits[0]:.4g} … {limits[1]:.4g}" if limits else "none valid"
        table.add_column(f"{name} ({unit})\n{found}", justify="right")
        table.add_column("NaN", justify="right")
    fractions = [
        (
            rows[0].face,
            str(rows[0].n_sensors),
            *(cell for row in rows for cell in (f"{row.invalid:.2%}", f"{row.nan:.2%}")),
        )
        for rows in zip(*report.readings.values(), strict=True)
    ]
    _add_block(table, fractions, width)
    return table


def _dead_line(report: FileReport) -> str:
    listed = shorten_ids(report.dead[:_DEAD_LISTED]) + (" …" if len(report.dead) > _DEAD_LISTED else "")
    share = f"{100 * report.dead_above:g} %"
    return f"dead sensors (no valid count in more than {share} of the events): {len(report.dead)}" + (
        f": {listed}" if report.dead else ""
    )


def _value_table(report: FileReport, width: int) -> Table:
    table = Table("quantity", "unit", "from", "to", "invalid events")
    rows = []
    for row in report.values:
        for i, limits in enumerate(row.ranges):
            name = row.name if len(row.ranges) == 1 else f"{row.name}[{i}]"
            low, high = ("–", "–") if limits is None else (f"{limits[0]:.5g}", f"{limits[1]:.5g}")
            rows.append((name, row.unit, low, high, str(row.n_invalid)))
    _add_block(table, rows, width)
    return table


def _add_block(table: Table, rows: Iterable[tuple[str, ...]], width: int) -> None:
    """Add rows of short cells, which need not be broken into lines where the whole table has that width.

    To rich they are then one row of several lines: it measures and pads cell by cell, which for all of them
    takes longer than to read the file.
    """
    rows = list(rows)
    titles = [str(column.header).splitlines() for column in table.columns]
    widths = [max(map(cell_len, (*lines, *cells))) for lines, *cells in zip(titles, *rows, strict=True)]
    if sum(widths) + _BESIDE_CELL * len(widths) + 1 > width:
        for row in rows:
            table.add_row(*map(Text, row))
        return
    table.add_row(*(Text("\n".join(cells)) for cells in zip(*rows, strict=True)))


def _comparisons(report: FileReport) -> list[str]:
    lines = []
    if report.angle_unit is not None:
        lines.append(f"emiAng is stored in: {report.angle_unit}")
    if report.largest_uvw_difference is not None:
        lines.append(f"uvwTruth against xyzTruth: largest difference {report.largest_uvw_difference:.2g} cm")
    if report.largest_length_deviation is not None:
        lines.append(f"emiVec: length 1 to within {report.largest_length_deviation:.2g}")
    return lines
