"""Text files of others."""

from __future__ import annotations

from pathlib import Path

from xec_analysis.errors import AnalysisError


def read_text(path: Path) -> str:
    """Read a text file in UTF-8 with its ends of lines.

    Raises
    ------
    AnalysisError
        If it is no text.
    """
    with path.open(newline="", encoding="utf-8") as file:
        try:
            return file.read()
        except UnicodeDecodeError as error:
            raise AnalysisError(f"{path}: not a text file: {error.reason} at byte {error.start}") from error
