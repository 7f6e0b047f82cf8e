"""Shares of the faces in every output, for the terminal and as a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich import box
from rich.table import Table

from xec_analysis.saliency.measurement import Measure, Saliency
from xec_analysis.style.quantities import quantity_of
from xec_data.writing.csv_writer import CsvWriter
from xec_geometry import FACES, face_ids
from xec_geometry.detector.faces import FACE_TABLE

if TYPE_CHECKING:
    from rich.console import RenderableType

INCOMPLETE = 0.05
"""A larger share that integrated gradients miss is told."""


TOO_STEEP = (
    "the outputs turn too steeply between the mean event and some (norms over few channels are nearly "
    "steps): shares are that uncertain"
)
"""What is wrong then."""

_READINGS = ("photons", "times")


def completeness(saliency: Saliency) -> str:
    """Tell how well integrated gradients add up to what they should, as the end of a sentence."""
    worst = int(saliency.incompleteness.argmax())
    missed = 100 * float(saliency.incompleteness[worst])
    return (
        f"add up to the change of each output within {missed:.2g} % "
        f"({quantity_of(saliency.outputs[worst]).plain})"
    )


def write_shares(saliency: Saliency, path: Path) -> Path:
    """Write a CSV file with a row for each output, kind of readings, and face.

    Its columns are output, readings and face; the shares of integrated gradients and of gradient × input,
    which add up to 1 over the rows of an output, and of the absolute derivatives, which do so for photons and
    for times; the mean of these over the sensors of the face, in the output's unit per photon or per second;
    and what the integrated gradients of the output miss.
    """
    shape = len(saliency.outputs), len(_READINGS), len(FACES)
    k, kind, face = (index.ravel() for index in np.indices(shape))
    slopes = np.stack([saliency.gradient[:, face_ids(name)].mean(axis=1) for name in FACES], axis=1)
    measures: tuple[Measure, ...] = ("integrated", "gradient_input", "gradient")
    table = {
        "output": np.array([output.name for output in saliency.outputs])[k],
        "readings": np.array(_READINGS)[kind],
        "face": np.array(FACES)[face],
        **{f"share_{measure}": saliency.shares(measure)[k, face, kind] for measure in measures},
        "mean_slope": slopes[k, face, kind],
        "missed": saliency.incompleteness[k],
    }
    with CsvWriter(path, list(table)) as csv:
        csv.extend(table)
    return path


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
        for kind, name in enumerate(_READINGS):
            cells = [f"{value:.1f}" for value in (*share[:, kind], share[:, kind].sum())]
            table.add_row(quantity_of(output).plain if kind == 0 else "", name, *cells)
    yield table
    yield f"integrated gradients {completeness(saliency)}"
    if saliency.incompleteness.max() > INCOMPLETE:
        yield f"note: {TOO_STEEP}"
    if saliency.n_unknown:
        yield f"note: {saliency.n_unknown} events without an answer of the network are left out"
