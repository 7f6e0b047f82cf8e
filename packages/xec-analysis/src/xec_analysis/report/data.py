"""The files that the events came from, and the dead channels."""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path

from xec_analysis.report.blocks import Block, Paragraph, text_table
from xec_analysis.report.section import Subject
from xec_analysis.runs.text_files import read_text
from xec_models.checkpoint.run_directory import RunDirectory

_HEAD = ("use", "file", "tree", "entries", "used", "MB", "hash")
_NUMERIC = (False, False, False, True, True, True, False)


def data(subject: Subject) -> list[Block]:
    """Return files, events and hashes, and the dead channels that the training knew."""
    run = subject.plots.run
    if run is None:
        files = [
            (path.name, f"{path.stat().st_size / 1e6:.2f}", _sha256(path)) for path in subject.plots.paths
        ]
        return [text_table(("file", "MB", "SHA-256"), files, "", (False, True, False))]
    blocks: list[Block] = []
    if run.data_files.is_file():
        rows_of_run = csv.DictReader(io.StringIO(read_text(run.data_files), newline=""))
        rows = [
            (
                row.get("use"),
                row.get("path"),
                row.get("tree"),
                row.get("entries"),
                row.get("kept"),
                _megabytes(row.get("bytes")),
                row.get("digest"),
            )
            for row in rows_of_run
        ]
        blocks.append(text_table(_HEAD, rows, "Files that the training read", _NUMERIC))
    return [*blocks, *_dead_channels(subject, run)]


def _dead_channels(subject: Subject, run: RunDirectory) -> list[Block]:
    section = subject.plots.configuration.get("data") or {}
    stated = section.get("dead_channels") if isinstance(section, dict) else None
    if not stated:
        return [
            Paragraph(
                "The training was given no list of dead channels: a sensor is dead in an event where it "
                "has no valid number of photons."
            )
        ]
    from xec_data.dead_channels.sources import open_dead_channels

    rows: list[tuple[object, ...]] = []
    number = 1
    while (path := run.dead_channels(number)).is_file():
        rows.append((path.name, int(open_dead_channels(str(path)).dead().sum())))
        number += 1
    about = Paragraph(f"Dead channels: {stated}, as they were when the run began.")
    return [about, *([text_table(("list", "dead sensors"), rows, "", (False, True))] if rows else [])]


def _megabytes(text: str | None) -> str:
    return f"{int(text) / 1e6:.1f}" if text and text.isdigit() else ""


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
