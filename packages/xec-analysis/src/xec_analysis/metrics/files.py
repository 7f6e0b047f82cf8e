"""`metrics.json` and `metrics.csv`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from xec_analysis.errors import AnalysisError
from xec_analysis.metrics.content import FORMAT, Bin, Metrics, Series, Value
from xec_analysis.runs.text_files import read_text
from xec_geometry.support.output import atomic_output

Cell = str | int | float | None

COLUMNS = (
    "estimate", "task", "quantity", "kind", "unit", "variable", "variable_unit", "low", "high", "centre",
    "events", "measure", "value", "error", "status",
)  # fmt: skip
"""Columns of the CSV file: a line for each number."""


def write_metrics(metrics: Metrics, path: Path) -> list[Path]:
    """Write metrics as JSON and as CSV.

    Parameters
    ----------
    metrics
        The metrics.
    path
        Name of the files without suffix, in an existing folder.

    Returns
    -------
    list of Path
        The two files. What is not defined is null, and an empty cell.
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, restval="")
    writer.writeheader()
    for series in metrics.series:
        writer.writerows({name: "" if x is None else x for name, x in row.items()} for row in _rows(series))
    contents = {"json": metrics.model_dump_json(indent=1) + "\n", "csv": text.getvalue()}
    paths = []
    for suffix, content in contents.items():
        paths.append(path.with_name(f"{path.name}.{suffix}"))
        with atomic_output(paths[-1]) as temporary:
            temporary.write_text(content, encoding="utf-8", newline="")
    return paths


def read_metrics_file(path: str | Path) -> Metrics:
    """Read a `metrics.json`.

    Raises
    ------
    AnalysisError
        If it cannot be read, is none, or has a newer format.
    """
    path = Path(path)
    try:
        text = read_text(path)
    except OSError as error:
        raise AnalysisError(f"{path} cannot be read: {error.strerror or error}") from error
    try:
        metrics = Metrics.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise AnalysisError(
            f"{path}: not the metrics of `xec plot`: {place + ': ' if place else ''}{first['msg']}"
        ) from error
    if metrics.format > FORMAT:
        raise AnalysisError(
            f"{path}: format {metrics.format}, expected at most {FORMAT}: it needs a newer xec-analysis"
        )
    return metrics


def _rows(series: Series) -> Iterator[dict[str, Cell]]:
    start: dict[str, Cell] = {
        key: getattr(series, key) for key in ("estimate", "task", "quantity", "kind", "unit")
    }
    yield from _number_rows({**start, "events": series.events}, series)
    for binning in series.binnings:
        variable: dict[str, Cell] = {"variable": binning.variable, "variable_unit": binning.unit}
        for one in binning.bins:
            limits: dict[str, Cell] = {
                "low": one.low, "high": one.high, "centre": one.centre, "events": one.events
            }  # fmt: skip
            yield from _number_rows({**start, **variable, **limits}, one)


def _number_rows(start: dict[str, Cell], numbers: Series | Bin) -> Iterator[dict[str, Cell]]:
    yield from _value_rows(start, numbers.values)
    if numbers.core is not None:
        core = {"core_sigma": numbers.core.sigma, "core_peak": numbers.core.peak}
        yield from _value_rows({**start, "status": numbers.core.status}, core)


def _value_rows(start: dict[str, Cell], values: dict[str, Value]) -> Iterator[dict[str, Cell]]:
    for name, number in values.items():
        yield {**start, "measure": name, "value": number.value, "error": number.error}
