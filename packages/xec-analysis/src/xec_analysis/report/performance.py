"""Resolutions with their errors, beside conventional estimators and the bound."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xec_analysis.estimators.baselines import RECIPES, TRUTH, fit_baselines
from xec_analysis.estimators.file_estimates import Estimates, smallest_sigma
from xec_analysis.estimators.network_comparison import compare, comparison_table, verdict
from xec_analysis.events.worst_events import EventFiles
from xec_analysis.metrics.content import Metrics, Series, Value
from xec_analysis.plots.source import Content
from xec_analysis.report.blocks import Block, Paragraph, Table, terminal_block, text_table
from xec_analysis.report.section import Subject
from xec_analysis.resolution.digits import with_error
from xec_analysis.resolution.results import TRUTH as TRUE, Results
from xec_analysis.resolution.statistics import Number
from xec_analysis.style.quantities import quantity_of
from xec_data.reading.reader import EventReader
from xec_data.schema.branches import SENSOR_BRANCHES
from xec_data.tasks.table import TASKS
from xec_geometry import SensorTable
from xec_geometry.errors import XecError

MOST_EVENTS = 3000
"""Events on which the conventional estimators are compared: they take longer than all the rest."""

_CHUNK = 500

# The measure of the first column, by the kinds that have it.
_WIDTHS = ("half_width_68", "width", "containment_68", "accuracy")
_SIGNED = ("residual", "relative", "pull")
_KINDS = {"relative": "(relative)", "pull": "(pull)", "class": "(right class)"}

_BESIDE = (
    "Conventional estimators reconstruct the same events without a network: the simple ones from the "
    "charge-weighted position, the sum of all photons and the first times; the refined ones from a window "
    "that follows the light, and the mean of the times of bright sensors. Both are calibrated on the "
    "training's events. “limit” is the Cramér–Rao bound (xec bound): what the readings of events that leave "
    "all their energy at one point allow at best. It applies to point events of the fast simulation; showers "
    "spread, and no bound is known for them. Bold is better than all others by twice the statistical error."
)


def performance(subject: Subject) -> list[Block]:
    """Return the resolution of every output, and the comparison with other methods of a run's validation."""
    plots = subject.plots
    if not {Content.PREDICTIONS, Content.COMPARISON} & plots.contents:
        return []
    blocks: list[Block] = [_widths(plots.metrics)]
    if plots.results[0].reference is not TRUE:
        blocks.append(
            Paragraph("No event has a true value: no bound applies, and the widths hold those of both.")
        )
    elif plots.run is None:
        blocks.append(
            Paragraph(
                "Conventional estimators and the bound stand in the report of a run, which names its events: "
                "a file of predictions holds no readings of sensors.",
                is_note=True,
            )
        )
    else:
        blocks += _beside(subject)
    return blocks


def _widths(metrics: Metrics) -> Table:
    rows = [_row(series) for series in metrics.series]
    caption = f"{metrics.name}: estimate − {metrics.reference}, with statistical errors"
    head = (
        "estimate",
        "task",
        "quantity",
        "68 %",
        "core σ",
        "bias",
        "RMS",
        "unit",
        "skewness",
        "events",
    )
    numeric = (False, False, False, True, True, True, True, False, True, True)
    return text_table(head, rows, caption, numeric)


def _row(series: Series) -> Sequence[object]:
    width = next((series.values[name] for name in _WIDTHS if name in series.values), Value())
    numbers = [with_error(_number(value)) for value in (width, series.value("std"))]
    middle = with_error(_number(series.value("mean")), signed=True) if series.kind in _SIGNED else ""
    name = f"{_plain(series)} {_KINDS.get(series.kind, '')}".rstrip()
    return (
        series.estimate,
        series.task,
        name,
        numbers[0],
        with_error(_number(series.core.sigma)) if series.core is not None else "",
        middle,
        numbers[1],
        series.unit,
        with_error(_number(series.value("skewness")), signed=True),
        f"{series.events:,}",
    )


def _plain(series: Series) -> str:
    task = TASKS[series.task]
    if series.kind == "joint" and task.joint is not None:
        return task.joint.symbol
    written = {output.name: quantity_of(output).plain for output in task.outputs}
    return written.get(series.quantity, series.quantity)


def _number(value: Value) -> Number | None:
    return None if value.value is None else Number(value.value, value.error)


def _beside(subject: Subject) -> list[Block]:
    plots = subject.plots
    data = plots.configuration.get("data") or {}
    training = EventFiles.of_validation({**data, "val_path": data.get("train_path")})
    files = plots.validation_files
    if training is None or files is None:
        return []
    try:
        estimates, limits, n = _estimates(plots.results[0], training, files, plots.geometry)
    except XecError as error:
        # A run often travels without its files.
        return [Paragraph(f"Not compared with conventional estimators: {error}", is_note=True)]
    comparisons = compare(plots.results[0], estimates, limits)
    if not comparisons:
        return []
    table = comparison_table(
        comparisons, f"Network and conventional estimators on {n} events of the validation"
    )
    return [Paragraph(_BESIDE), terminal_block(table), *(Paragraph(verdict(comparisons, r)) for r in RECIPES)]


def _estimates(
    results: Results, training: EventFiles, files: EventFiles, geometry: SensorTable
) -> tuple[dict[str, Estimates], Estimates, int]:
    """Estimates and bounds in the rows of the results, NaN for events that were not among the first."""
    tree, npho, time = files.tree_name, files.npho_branch, files.time_branch
    recipes = {
        recipe: fit_baselines(
            list(training.paths),
            recipe,
            tree_name=tree,
            npho_branch=npho,
            time_branch=time,
            geometry=geometry,
        )
        for recipe in RECIPES
    }
    rows = _rows_by_number(results)
    n_rows = next(iter(results.tasks.values())).n_events
    found: dict[str, Estimates] = {name: {} for name in (*recipes, "limit")}
    left = MOST_EVENTS
    branches = (*SENSOR_BRANCHES, "run", "event", *TRUTH)
    with EventReader(
        [Path(p) for p in files.paths],
        branches,
        optional=("dead",),
        tree_name=tree,
        npho_branch=npho,
        time_branch=time,
        chunk_size=_CHUNK,
    ) as reader:
        for chunk in reader:
            numbers = zip(chunk["run"].tolist(), chunk["event"].tolist(), strict=True)
            row = np.array([rows.get(key, -1) for key in numbers])
            for name, baselines in recipes.items():
                _put(found[name], baselines.predict(chunk), row, n_rows)
            _put(found["limit"], smallest_sigma(chunk), row, n_rows)
            left -= len(chunk)
            if left <= 0:
                break
    limits = found.pop("limit")
    n_found = int(np.isfinite(next(iter(found[next(iter(recipes))].values()))).all(axis=1).sum())
    return found, limits, n_found


def _rows_by_number(results: Results) -> dict[tuple[int, int], int]:
    """Row in the file of events whose run and event number occurs once."""
    rows: dict[tuple[int, int], int] = {}
    for result in results.tasks.values():
        keys = list(zip(result.run.tolist(), result.event.tolist(), strict=True))
        often = Counter(keys)
        pairs = zip(keys, result.entries.tolist(), strict=True)
        rows |= {key: row for key, row in pairs if often[key] == 1 and key[1] >= 0}
    return rows


def _put(found: Estimates, values: Estimates, row: NDArray[np.int64], n_rows: int) -> None:
    kept = row >= 0
    for task, numbers in values.items():
        if task not in found:
            found[task] = np.full((n_rows, len(TASKS[task].outputs)), np.nan)
        found[task][row[kept]] = numbers[kept]
