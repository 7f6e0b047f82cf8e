"""Versions, and the commands that make the run and this page again."""

from __future__ import annotations

import shlex

from xec_analysis.report.blocks import Block, Commands, Paragraph, text_table
from xec_analysis.report.section import Subject
from xec_analysis.runs.provenance import commit, processor, versions


def version_table(subject: Subject) -> list[Block]:
    """Return the versions of the training and of this report."""
    here = versions() | {"code": commit(), "processor": processor()}
    run = subject.plots.run
    if run is None or not run.checkpoint_best.is_file():
        return [text_table(("", "this report"), here.items())]
    from xec_models.checkpoint.reading import read_checkpoint

    origin = read_checkpoint(run.checkpoint_best).provenance
    there = {"Python" if name == "python" else name: text for name, text in origin.versions.items()}
    there["code"] = (origin.git_revision or "unknown")[:9]
    names = dict.fromkeys([*there, *here])
    rows = [(name, there.get(name, ""), here.get(name, "")) for name in names]
    return [text_table(("", "training", "this report"), rows)]


def reproduction(subject: Subject) -> list[Block]:
    """Return the commands."""
    plots = subject.plots
    what = " ".join(shlex.quote(str(path)) for path in plots.paths)
    if plots.run is None:
        return [
            Paragraph("The same plots and numbers:"),
            Commands((f"xec plot {what}", f"xec report {what}")),
        ]
    config = shlex.quote(str(plots.run.config))
    checkpoint = shlex.quote(str(plots.run.checkpoint_best))
    lines = [f"xec train {config}", f"xec plot {what}", f"xec report {what}"]
    if plots.run.onnx_description.is_file():
        lines.insert(1, f"xec export {checkpoint}")
    about = (
        "With the versions and files above, in the folder where the training began (paths in the "
        "configuration may be relative):"
    )
    return [Paragraph(about), Commands(lines)]
