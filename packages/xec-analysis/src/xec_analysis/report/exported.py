"""The exported network of a run, and how well it agrees with the one that was trained."""

from __future__ import annotations

import json
from typing import Any

from xec_analysis.errors import AnalysisError
from xec_analysis.report.blocks import Block, Paragraph, text_table
from xec_analysis.report.section import Subject
from xec_analysis.runs.text_files import read_text

_ABOUT = (
    "The network is exported as one ONNX graph, from raw photons and seconds to physical units. "
    "The export ran it and the trained network on the same events, among them batches of different sizes and "
    "events with damaged readings. “Relative” is the difference as a part of the spread of the output."
)


def exported(subject: Subject) -> list[Block]:
    """Return the measured differences of the exported network; nothing for a file or a run without one."""
    run = subject.plots.run
    if run is None or not run.onnx_description.is_file():
        return []
    try:
        content: dict[str, Any] = json.loads(read_text(run.onnx_description))
        parity = content["parity"]
        rows = [
            (d["output"], d["column"], f"{d['absolute']:.2g}", d["unit"], f"{d['relative']:.1e}", d["case"])
            for d in parity["largest_differences"]
        ]
        about = f"Events: {parity['events']}. Allowed: {parity['tolerance']:g}."
    except (ValueError, KeyError, TypeError) as error:
        raise AnalysisError(
            f"{run.onnx_description}: no description of an exported network: {type(error).__name__}: {error}"
        ) from error
    head = ("output", "column", "largest difference", "unit", "relative", "where")
    numeric = (False, False, True, False, True, False)
    return [Paragraph(_ABOUT), Paragraph(about), text_table(head, rows, run.onnx.name, numeric)]
