"""The step from a graph in float32 to one of lower precision, with the measurement that decides about it."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path

from xec_export.errors import ExportError
from xec_export.onnx.description import ModelDescription
from xec_export.onnx.graph import rewrite_metadata
from xec_export.onnx.parity_events import BATCHES
from xec_export.precision.loss import ALLOWED_GROWTH, LossError, LossReport, TrueEvents, measure_loss
from xec_export.precision.table import PRECISIONS
from xec_export.prediction.graph import OnnxGraph
from xec_geometry.support.text import first_line


def reduce_precision(
    graph: Path,
    products: Sequence[str],
    description: ModelDescription,
    precision: str,
    events: TrueEvents,
    *,
    accept_loss: bool = False,
) -> tuple[ModelDescription, LossReport]:
    """Replace a graph by one of lower precision, unless that costs too much.

    Parameters
    ----------
    graph
        The file of the graph in float32; it is replaced.
    products
        The operations that may have a lower precision.
    description
        What it is.
    precision
        A name of `PRECISIONS`.
    events
        Events with truth.
    accept_loss
        Whether it is replaced in any case.

    Returns
    -------
    description, report
        The description of the new graph, and the widths of both.

    Raises
    ------
    LossError
        If a width grows by more than a percent.
    ExportError
        If the graph cannot be converted.
    """
    convert = PRECISIONS.get_named(precision, "--precision: ").convert
    assert convert is not None
    with tempfile.TemporaryDirectory(dir=graph.parent, prefix=f".{graph.name}.") as folder:
        target = Path(folder) / "reduced.onnx"
        try:
            convert(graph, target, products, events.calibration)
        except Exception as error:
            # The libraries that convert raise errors of every type.
            raise ExportError(f"{graph}: no graph of precision {precision}: {first_line(error)}") from error
        full, reduced = OnnxGraph(graph), OnnxGraph(target)
        for n in BATCHES:
            reduced(events.npho[:n], events.time[:n])
        report = measure_loss(full, reduced, description, events)
        if not (report.passed or accept_loss):
            worst = report.worst
            widths = f"{worst.full:.4g} to {worst.reduced:.4g} {worst.unit}"
            raise LossError(
                f"{graph} is not kept: in {precision} the 68 % width of {worst.column} grows by "
                f"{worst.growth:.1%}, from {widths}; allowed is {ALLOWED_GROWTH:.0%} (--accept-loss goes on)",
                report,
            )
        growth: dict[str, list[float]] = {}
        for loss in report.losses:
            growth.setdefault(loss.task, []).append(loss.growth)
        described = dataclasses.replace(description, precision=precision, precision_loss=growth)
        rewrite_metadata(target, graph, described)
    return described, report
