"""Shares of the faces in every output, for the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from xec_analysis.saliency.measurement import Saliency
from xec_analysis.style.quantities import quantity_of
from xec_geometry import FACES
from xec_geometry.detector.faces import FACE_TABLE

if TYPE_CHECKING:
    from rich.console import RenderableType

INCOMPLETE = 0.05
"""A larger share that integrated gradients miss is told."""


def saliency_tables(saliency: Saliency) -> Iterator[RenderableType]:
    """Yield the share of each face's photons and times in every output, and notes."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title_justify="left")
    table.title = f"Share of each face in the outputs, integrated gradients of {saliency.n_events} events [%]"
    table.add_column("output")
    table.add_column("readings")
    for face in FACES:
        table.add_column(FACE_TABLE[face].title, justify="right")
    table.add_column("all", justify="right")
    shares = 100 * saliency.shares("integrated")
    for output, share in zip(saliency.outputs, shares, strict=True):
        for kind, name in enumerate(("photons", "times")):
            cells = [f"{value:.1f}" for value in (*share[:, kind], share[:, kind].sum())]
            table.add_row(quantity_of(output).plain if kind == 0 else "", name, *cells)
    yield table
    worst = int(saliency.incompleteness.argmax())
    missed = 100 * float(saliency.incompleteness[worst])
    yield (
        f"integrated gradients add up to the change of each output within {missed:.2g} % "
        f"({quantity_of(saliency.outputs[worst]).plain})"
    )
    if missed > 100 * INCOMPLETE:
        yield "note: the outputs change too steeply from the mean event to some; shares are that uncertain"
    if saliency.n_unknown:
        yield f"note: {saliency.n_unknown} events without an answer of the network are left out"
