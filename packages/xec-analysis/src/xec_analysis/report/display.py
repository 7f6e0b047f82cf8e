"""Events of the validation in an interactive display."""

from __future__ import annotations

from xec_analysis.errors import AnalysisError
from xec_analysis.events.display import known_estimates
from xec_analysis.events.event_file import EventFile
from xec_analysis.events.interactive.page import write_page
from xec_analysis.events.predictions import PredictionFile
from xec_analysis.plots.source import Content
from xec_analysis.report.blocks import Block, Frame, Paragraph
from xec_analysis.report.section import Subject
from xec_data import find_files

_ABOUT = (
    "Every sensor of an event on the unrolled detector: photons left, times right. Drag to zoom; the mouse "
    "tells sensor and reading. The marks are the true and the predicted first interaction point."
)


def display(subject: Subject) -> list[Block]:
    """Return the first events of the validation, as many as were asked for; nothing without that."""
    if not subject.n_displayed:
        return []
    plots = subject.plots
    files = plots.validation_files
    if files is None:
        raise AnalysisError(
            f"--display {subject.n_displayed}: {plots.path} names no files with readings of sensors; "
            "expected a run whose configuration has data.val_path"
        )
    path = find_files([str(one) for one in files.paths])[0]
    file = EventFile(path, files.tree_name, files.npho_branch, files.time_branch)
    events, first = file.read_around(0, subject.n_displayed)
    predictions = PredictionFile(plots.path) if Content.PREDICTIONS in plots.contents else None
    shown = [(e, known_estimates(e, predictions.of(e) if predictions else ())) for e in events]
    page = write_page(shown, subject.folder / "display.html", first=first, geometry=plots.geometry)
    return [Paragraph(_ABOUT), Frame("interactive display of events", page.read_text(encoding="utf-8"))]
