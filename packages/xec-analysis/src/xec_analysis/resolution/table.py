"""Widths and biases of results, as a table for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xec_analysis.metrics.content import Series, Value
from xec_analysis.metrics.measurement import measure_overall
from xec_analysis.resolution.digits import error_in_brackets
from xec_analysis.resolution.results import Results
from xec_analysis.resolution.statistics import Number
from xec_analysis.style.quantities import PERCENT, joint_quantity, quantity_of
from xec_data.tasks.table import TASKS

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Row:
    """One line of numbers: an output in a unit that suits it.

    The joint measures of a task (opening angle, distance) have a 68 % number only; in its place a
    classification has the share of right classes.

    Attributes
    ----------
    task, output, unit, events
        What it is about.
    res_68, core, bias, rms, skewness
        Each with its statistical error; None where there is none.
    core_status
        Of the fit of the core: ``good``, ``poor`` or ``failed: …``; empty if nothing is to be fitted.
    """

    task: str
    output: str
    unit: str
    events: int
    res_68: Number | None
    core: Number | None = None
    bias: Number | None = None
    rms: Number | None = None
    skewness: Number | None = None
    core_status: str = ""


def metric_rows(results: Results, series: Sequence[Series] | None = None) -> list[Row]:
    """Return the lines of a run or file: every output (also relative if it is a ratio), the joint measures.

    Parameters
    ----------
    results
        Predictions beside the truth.
    series
        Their series in `Metrics`; measured if they are not given.
    """
    chosen = measure_overall(results) if series is None else series
    return [_row(one) for one in chosen if one.kind != "pull"]


def metrics_table(results: Results, series: Sequence[Series] | None = None) -> Table:
    """Return a rich table of all tasks of a run or file; parameters as of `metric_rows`."""
    from rich import box
    from rich.table import Table

    rows = metric_rows(results, series)
    counts = sorted({len(result) for result in results.tasks.values()})
    events = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    title = f"{results.name}: prediction − {results.reference.name}, events: {events}"
    table = Table(title=title, box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.title_justify = table.caption_justify = "left"
    table.caption = "in brackets: statistical error of the last digits"
    if any(row.core_status == "poor" for row in rows):
        table.caption += f"\n{_POOR}: the χ² of the core's fit is improbable"
    table.add_column("task", no_wrap=True)
    table.add_column("output", no_wrap=True)
    for name in ("68 %", "core σ", "bias", "RMS"):
        # Where there is no room, a number goes on in the next line: it is not cut.
        table.add_column(name, justify="right", overflow="fold")
    table.add_column("unit", no_wrap=True)
    table.add_column("skew", justify="right", overflow="fold")
    before = ""
    for row in rows:
        if before and row.task != before:
            table.add_section()
        table.add_row(
            row.task if row.task != before else "",
            row.output,
            _written(row.res_68),
            _written_core(row),
            _written(row.bias, signed=True),
            _written(row.rms),
            row.unit,
            _written(row.skewness, signed=True),
        )
        before = row.task
    return table


def census(results: Results) -> list[str]:
    """Return a line for every task with excluded events."""
    lines = []
    for task, result in results.tasks.items():
        reasons = [
            f"{count} {what}"
            for count, what in (
                (result.n_bad_prediction, "without a finite prediction"),
                (result.n_bad_truth, f"without a valid {result.reference.name}"),
            )
            if count
        ]
        if reasons:
            lines.append(f"{task}: {' and '.join(reasons)} of {result.n_events} events left out")
    return [*lines, *results.notes]


_POOR = "*"
_WIDTHS = ("half_width_68", "containment_68", "accuracy")


def _row(series: Series) -> Row:
    name, unit, factor = _name_and_unit(series)
    return Row(
        task=series.task,
        output=name,
        unit=unit,
        events=series.events,
        res_68=_number(_width(series), factor),
        core=_number(series.core.sigma, factor) if series.core else None,
        core_status=series.core.status if series.core else "",
        bias=_number(series.value("mean"), factor) if series.core else None,
        rms=_number(series.value("std"), factor),
        skewness=_number(series.value("skewness")),
    )


def _width(series: Series) -> Value:
    return next((series.values[name] for name in _WIDTHS if name in series.values), Value())


def _name_and_unit(series: Series) -> tuple[str, str, float]:
    """The name for people, the unit that suits the width, and the factor to it from that of the series."""
    spec = TASKS[series.task]
    if series.kind == "class":
        return "right class", PERCENT.name, 1.0
    if series.kind == "joint" and spec.joint is not None:
        what, name = joint_quantity(spec.joint), series.quantity
    else:
        what = quantity_of(next(output for output in spec.outputs if output.name == series.quantity))
        name = what.plain
    if series.kind == "relative":
        return "relative" if len(spec.outputs) == 1 else f"{name} relative", PERCENT.name, 1.0
    smallest = what.units.residuals[0]
    unit = what.residual_unit((_width(series).value or 0.0) / smallest.factor)
    return name, unit.name, unit.factor / smallest.factor


def _number(value: Value, factor: float = 1.0) -> Number | None:
    return None if value.value is None else Number(value.value, value.error).scaled(factor)


def _written(number: Number | None, *, signed: bool = False) -> str:
    # With ± the columns would not fit a terminal.
    return error_in_brackets(number, signed=signed)


def _written_core(row: Row) -> str:
    if row.core_status.startswith("failed"):
        return "no fit"
    return _written(row.core) + (_POOR if row.core_status == "poor" else "")
