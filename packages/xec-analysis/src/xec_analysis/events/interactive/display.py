"""The page of an event in a file, with its neighbours."""

from __future__ import annotations

from pathlib import Path

from xec_analysis.errors import AnalysisError
from xec_analysis.events.display import known_estimates
from xec_analysis.events.estimate import Estimate
from xec_analysis.events.event import Event
from xec_analysis.events.event_file import EventFile
from xec_analysis.events.interactive.page import MOST_EVENTS, write_page
from xec_analysis.events.panels import Scale
from xec_analysis.events.predictions import PredictionFile
from xec_geometry import load_geometry
from xec_geometry.detector.geometry_file import NOMINAL, geometry_files
from xec_geometry.support.output import check_output

N_EVENTS = 50
SUFFIX = ".html"


def display_page(
    file: EventFile,
    output: Path | None = None,
    *,
    entry: int | None = None,
    event_number: int | None = None,
    run: int | None = None,
    n_events: int = N_EVENTS,
    compare: Path | None = None,
    scale: Scale = "log",
    geometry: str = NOMINAL,
    force: bool = True,
) -> tuple[Path, Event, list[Estimate]]:
    """Find an event in a file and write an interactive page that begins with it.

    Parameters
    ----------
    file, entry, event_number, run, compare, scale, geometry, force
        As for `display_event`; without a number the page begins with the first entry.
    output
        The page; by default `<file>_<entry>.html` in the current folder.
    n_events
        Number of events in the page, before and behind the one asked for.

    Returns
    -------
    Path
        The file written.
    Event
        The event shown first.
    list of Estimate
        What is known of it, predictions included.

    Raises
    ------
    AnalysisError
        As `display_event`, or if a page cannot hold so many events.
    DataError, OutputError
        If a file cannot be read, or the page cannot be written.
    """
    if not 1 <= n_events <= MOST_EVENTS:
        raise AnalysisError(f"--events {n_events}: expected 1 to {MOST_EVENTS} events in a page")
    if entry is None and event_number is None:
        entry = 0
    entry = file.entry_of(entry, event_number, run)
    page = output if output is not None else Path(f"{file.path.stem}_{entry}{SUFFIX}")
    if page.suffix.lower() != SUFFIX:
        raise AnalysisError(f"cannot write {page}: a page is called ….html; expected no --html for a picture")
    predictions = None if compare is None else PredictionFile(compare)
    inputs = [file.path, *geometry_files(geometry), *([predictions.source] if predictions else [])]
    check_output(page, inputs=inputs, force=force)
    table = load_geometry(geometry)
    events, first = file.read_around(entry, n_events)
    shown = [
        (event, known_estimates(event, predictions.of(event) if predictions else ())) for event in events
    ]
    written = write_page(shown, page, first=first, scale=scale, geometry=table)
    return written, events[first], list(shown[first][1])
