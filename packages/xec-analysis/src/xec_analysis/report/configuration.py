"""The configuration of a training, key by key."""

from __future__ import annotations

from xec_analysis.report.blocks import Block, Paragraph, text_table
from xec_analysis.report.section import Subject
from xec_geometry.support.flattening import flatten


def configuration(subject: Subject) -> list[Block]:
    """Return the configuration of a run; nothing for a file."""
    if subject.plots.run is None:
        return []
    rows = [
        (key, "null" if value is None else value)
        for key, value in flatten(subject.plots.configuration).items()
    ]
    about = (
        f"All keys of {subject.plots.run.config.name}, as the training used them. "
        "“xec config new” writes a file that explains each."
    )
    return [Paragraph(about), text_table(("key", "value"), rows)]
