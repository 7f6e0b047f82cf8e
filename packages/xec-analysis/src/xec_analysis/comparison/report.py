"""Comparisons of runs and predictions as tables for the terminal, and as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xec_analysis.comparison.compared_run import ComparedRun
from xec_analysis.comparison.configuration import Difference, as_rows
from xec_analysis.comparison.metrics import MetricComparison, Standing
from xec_analysis.resolution.digits import three_digits, with_error
from xec_analysis.runs.run_comparison import plain_label
from xec_analysis.runs.training_curves import TRAINING_LOSS, VALIDATION_LOSS
from xec_data.writing.csv_writer import CsvWriter

if TYPE_CHECKING:
    from rich.table import Table

REFERENCE = "reference"

_MILLION = 1e6
_COLOURS = {"better": "green", "worse": "red"}


def runs_table(runs: Sequence[ComparedRun], ranks: dict[str, float]) -> Table:
    """Return a rich table of the trainings: epochs, losses in the best one, size, mean rank.

    Parameters
    ----------
    runs
        The runs.
    ranks
        From `mean_ranks`; the smallest stands first.
    """
    table = _table()
    table.add_column("\nrun", overflow="fold")
    losses = ("training\nloss", "validation\nloss", "\ngap")
    for name in ("\nepochs", "best\nepoch", *losses, "million\nnumbers", "mean\nrank"):
        table.add_column(name, justify="right")
    for run in sorted(runs, key=lambda run: ranks.get(run.label, np.inf)):
        training, validation = (_loss(run, names) for names in (TRAINING_LOSS, VALIDATION_LOSS))
        size, rank = run.parameters, ranks.get(run.label)
        table.add_row(
            _escaped(run.label),
            f"{run.epochs}",
            "" if run.best_epoch is None else f"{run.best_epoch:g}",
            three_digits(training),
            three_digits(validation),
            three_digits(validation - training, signed=True, like=validation),
            "" if size is None else f"{size / _MILLION:.2f}",
            "" if rank is None else f"{rank:.1f}",
        )
    return table


def metrics_table(metrics: Sequence[MetricComparison], heading: str) -> Table:
    """Return a rich table of every metric, the best member first.

    Parameters
    ----------
    metrics
        From `compare_metrics`.
    heading
        Header of the first column.
    """
    table = _table()
    first = metrics[0].standings[0].label
    table.add_column(heading, overflow="fold")
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column(f"from {_escaped(first)}", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for metric in metrics:
        table.add_row(f"[italic]{_escaped(plain_label(metric.panel))}[/]")
        for standing in sorted(metric.standings, key=lambda standing: standing.rank or np.inf):
            verdict = metric.verdict(standing)
            colour = _COLOURS.get(verdict)
            rank = "–" if standing.rank is None else f"{standing.rank}"
            table.add_row(
                f"{rank:>3}  {_escaped(standing.label)}",
                with_error(standing.value) or "no number",
                REFERENCE if standing.label == first else _difference(metric, standing),
                f"[{colour}]{verdict}[/]" if colour else verdict,
            )
        table.add_section()
    return table


def differences_table(found: Sequence[Difference], labels: Sequence[str]) -> Table:
    """Return a rich table of the keys that differ, as `as_rows` has them."""
    (key, *header), rows = as_rows(found, labels)
    table = _table()
    table.add_column(key, no_wrap=True)
    for label in header:
        table.add_column(_escaped(label), overflow="fold")
    for row in rows:
        table.add_row(*map(_escaped, row))
    return table


def write_csv(path: Path, metrics: Sequence[MetricComparison]) -> Path:
    """Write every number as CSV, a line for each metric and member; NaN where something is not known."""
    names = (
        *("metric", "label", "name", "rank", "value", "error"),
        *("difference", "difference_error", "difference_in", "matched_events", "best", "best_epoch"),
    )
    rows = [
        (
            metric.name,
            plain_label(metric.panel),
            standing.label,
            standing.rank or 0,
            standing.value.value,
            _number(standing.value.error),
            np.nan if standing.difference is None else standing.difference.value,
            np.nan if standing.difference is None else _number(standing.difference.error),
            "loss" if metric.is_loss else "%",
            standing.n_matched,
            standing.smallest,
            standing.smallest_epoch,
        )
        for metric in metrics
        for standing in metric.standings
    ]
    with CsvWriter(path, names) as table:
        table.extend(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))
    return path


def _number(value: float | None) -> float:
    return np.nan if value is None else value


def _difference(metric: MetricComparison, standing: Standing) -> str:
    difference = standing.difference
    if difference is None:
        return ""
    if metric.is_loss:
        return three_digits(difference.value, signed=True)
    if difference.value == difference.error == 0:
        return "0 ± 0 %"
    return f"{with_error(difference, signed=True, places=2)} %"


def _loss(run: ComparedRun, names: Sequence[str]) -> float:
    return next((run.at_best(name) for name in names if name in run.curves), float("nan"))


def _table() -> Table:
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD, pad_edge=False)


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)
