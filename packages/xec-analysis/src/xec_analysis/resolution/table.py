"""Widths and biases of results, as a table for the terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xec_analysis.resolution.confusion import count_classes
from xec_analysis.resolution.digits import three_digits, with_error
from xec_analysis.resolution.results import Floats, Results, TaskResult
from xec_analysis.resolution.statistics import Number
from xec_analysis.style.quantities import PERCENT, joint_quantity, quantity_of
from xec_data.tasks.measures import JointMeasure
from xec_models.regressor.metrics import (
    bias,
    core_width,
    half_width_68,
    percentile_68,
    rms,
    skewness,
)

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Row:
    """One line of numbers: an output in a unit that suits it.

    The joint measures of a task (opening angle, distance) have a 68 % number only; in its place a
    classification has the share of right classes, with its statistical error.
    """

    task: str
    output: str
    unit: str
    events: int
    res_68: float
    core: float = np.nan
    bias: float = np.nan
    rms: float = np.nan
    skewness: float = np.nan
    error: float | None = None


def metric_rows(result: TaskResult) -> list[Row]:
    """Return the lines of one task: every output (also relative if it is a ratio), and the joint measure."""
    spec = result.spec
    if spec.n_classes:
        accuracy = count_classes(result).accuracy
        value, error = (float(x) * PERCENT.factor for x in (accuracy.value, accuracy.error))
        return [Row(result.task, "right class", PERCENT.name, len(result), value, error=error)]
    rows = []
    for output in spec.outputs:
        written, residual = quantity_of(output), result.residual(output.name)
        unit = written.residual_unit(half_width_68(residual))
        rows.append(_row(result, written.plain, unit.name, residual * unit.factor))
        if output.residual == "ratio":
            ratio = residual / result.true(output.name)
            label = "relative" if len(spec.outputs) == 1 else f"{written.plain} relative"
            rows.append(_row(result, label, PERCENT.name, ratio * PERCENT.factor))
    if spec.joint is not None:
        rows.append(_joint_row(result, spec.joint))
    return rows


def metrics_table(results: Results) -> Table:
    """Return a rich table of all tasks of a run or file."""
    from rich import box
    from rich.table import Table

    counts = sorted({len(result) for result in results.tasks.values()})
    events = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    title = f"{results.name}: prediction − {results.reference.name}, events: {events}"
    table = Table(title=title, box=box.SIMPLE_HEAD, pad_edge=False, title_justify="left")
    table.add_column("task", no_wrap=True)
    table.add_column("output", no_wrap=True)
    for name in ("68 %", "core", "bias", "RMS"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    table.add_column("skew", justify="right", no_wrap=True)
    for result in results.tasks.values():
        for number, row in enumerate(metric_rows(result)):
            table.add_row(
                result.task if number == 0 else "",
                row.output,
                with_error(Number(row.res_68, row.error)),
                three_digits(row.core),
                three_digits(row.bias, signed=True, like=row.res_68),
                three_digits(row.rms, like=row.res_68),
                row.unit,
                "" if np.isnan(row.skewness) else three_digits(row.skewness, signed=True, like=1.0),
            )
        table.add_section()
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


def _row(result: TaskResult, output: str, unit: str, residual: Floats) -> Row:
    return Row(
        task=result.task,
        output=output,
        unit=unit,
        events=len(residual),
        res_68=half_width_68(residual),
        core=core_width(residual),
        bias=bias(residual),
        rms=rms(residual),
        skewness=skewness(residual),
    )


def _joint_row(result: TaskResult, joint: JointMeasure) -> Row:
    percentile = percentile_68(joint.function(result.prediction, result.truth))
    unit = joint_quantity(joint).residual_unit(percentile)
    return Row(result.task, joint.name, unit.name, len(result), percentile * unit.factor)
