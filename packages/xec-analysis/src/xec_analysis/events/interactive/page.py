"""The page itself: events, figure, style, script and the library in one HTML file."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

from plotly.offline import get_plotlyjs

from xec_analysis.events.estimate import Estimate
from xec_analysis.events.event import Event
from xec_analysis.events.interactive.figure import empty_figure, pmt_ids
from xec_analysis.events.interactive.packing import NO_TIME, pack_readings, pack_text
from xec_analysis.events.marks import styled
from xec_analysis.events.panels import Scale, photon_panel, time_panel
from xec_geometry import FACES, SensorTable, face_of_sensor, index_map, unrolled_positions
from xec_geometry.detector.faces import FACE_TABLE
from xec_geometry.detector.parameters import PMT_RADIUS
from xec_geometry.detector.survey import nominal_table
from xec_geometry.support.output import atomic_output

MOST_EVENTS = 200
"""Events of a page: with all their sensors it stays below 8 MB."""

# matplotlib's markers as plotly calls them; the page's legend draws the same three.
_SYMBOLS = {"+": "cross-thin-open", "o": "circle-open", "x": "x-thin-open"}
_SIPM_WIDTH = 1.4


def write_page(
    events: Sequence[tuple[Event, Sequence[Estimate]]],
    path: Path,
    *,
    first: int = 0,
    scale: Scale = "log",
    remark: str = "",
    geometry: SensorTable | None = None,
) -> Path:
    """Write a page that shows one event at a time.

    Parameters
    ----------
    events
        At most `MOST_EVENTS`, each with what is known of it.
    path
        The HTML file.
    first
        Number, among `events`, of the one shown first.
    scale
        Of the photons' colours, at first.
    remark
        A sentence for the foot of the page.
    geometry
        Positions told of sensors; nominal by default. The picture shows them in their nominal places.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    ValueError
        If there are no events, or more than `MOST_EVENTS`.
    OutputError
        If the file cannot be written.
    """
    if not 0 < len(events) <= MOST_EVENTS:
        raise ValueError(f"{len(events)} events, expected 1 to {MOST_EVENTS}")
    data = {
        **_detector(nominal_table() if geometry is None else geometry),
        **asdict(pack_readings([event for event, _ in events])),
        "no_time": NO_TIME,
        "first": first,
        "scale": scale,
        "figure": empty_figure(),
        "events": [_description(event, estimates) for event, estimates in events],
    }
    parts = {
        "title": html.escape(events[first][0].title),
        "remark": html.escape(remark),
        "style": _source("page.css"),
        "script": _source("page.js"),
        # Nothing inside may end the element.
        "data": json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c"),
        "library": pack_text(get_plotlyjs()),
    }
    text = re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _source("page.html"))
    with atomic_output(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def _source(name: str) -> str:
    return files("xec_analysis.events.interactive").joinpath(name).read_text(encoding="utf-8")


def _detector(table: SensorTable) -> dict[str, Any]:
    places, positions = unrolled_positions().round(2), table.positions.round(2)
    sensors = {"face": face_of_sensor().tolist()}
    sensors |= {name: places[:, k].tolist() for k, name in enumerate("uv")}
    sensors |= {name: positions[:, k].tolist() for k, name in enumerate("xyz")}
    return {
        "sensors": sensors,
        "faces": [FACE_TABLE[name].title for name in FACES],
        "inner": index_map("inner").tolist(),
        "pmts": pmt_ids(),
        "widths": {"sipm": _SIPM_WIDTH, "pmt": 2 * PMT_RADIUS},
    }


def _description(event: Event, estimates: Sequence[Estimate]) -> dict[str, Any]:
    log, linear, time = photon_panel(event, "log"), photon_panel(event, "linear"), time_panel(event)
    numbers = event.numbers
    name = f"event {int(numbers['event'])}" if "event" in numbers else f"entry {event.entry}"
    dead = int(event.dead.sum())
    words = [log.title, time.title, *([f"{dead} dead"] if dead else [])]
    return {
        "title": event.title,
        "name": name,
        "numbers": " · ".join(words),
        "log": [log.low, log.high],
        "linear": [linear.low, linear.high],
        "time": [time.low, time.high],
        "estimates": [
            {
                "text": estimate.text(),
                "uv": None if estimate.uvw is None else estimate.uvw[:2].round(3).tolist(),
                "symbol": _SYMBOLS[shape["marker"]],
                "color": shape["color"],
            }
            for estimate, shape in styled(estimates)
        ],
    }
