"""The table of precisions that a graph can have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from xec_export.errors import ExportError
from xec_export.onnx.parity_events import ParityEvents
from xec_geometry.support.registry import Registry

Convert = Callable[[Path, Path, Sequence[str], ParityEvents], None]


@dataclass(frozen=True)
class Precision:
    """A precision of the products with weights, in which a graph spends its time and its size.

    Everything else stays in float32: normalization, anchor, norms, and the scales of the outputs.

    Attributes
    ----------
    name
        Value of ``--precision``.
    summary
        One line for people.
    convert
        ``(source, target, products, events)``: writes the graph of a file to another one with these of its
        operations, given by name, in this precision. The events may serve to find the ranges of numbers.
        None: the graph stays as it is.
    """

    name: str
    summary: str
    convert: Convert | None = None


def _to_half(source: Path, target: Path, products: Sequence[str], events: ParityEvents) -> None:
    from xec_export.precision.conversion import to_half

    to_half(source, target, products, events)


def _to_int8(source: Path, target: Path, products: Sequence[str], events: ParityEvents) -> None:
    from xec_export.precision.conversion import to_int8

    to_int8(source, target, products, events)


FULL = "fp32"

PRECISIONS: Registry[Precision] = Registry(
    "precision",
    (
        Precision(FULL, "float32 everywhere"),
        Precision("fp16", "products with weights in float16, for GPUs", _to_half),
        Precision("int8", "products with weights in whole numbers of 8 bits, ranges from events", _to_int8),
    ),
    group="xec.precisions",
    error=ExportError,
)
"""Every precision by its name. Installed packages add theirs in the group ``xec.precisions``."""
