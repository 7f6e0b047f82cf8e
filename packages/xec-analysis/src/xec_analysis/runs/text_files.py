"""Text files of others."""

from __future__ import annotations

from pathlib import Path

from xec_analysis.errors import AnalysisError
from xec_geometry.support.input import read_text as read_any_text, special_kind


def read_text(path: Path) -> str:
    """Read a text file in UTF-8 with its ends of lines.

    Raises
    ------
    AnalysisError
        If it is no text.
    """
    if kind := special_kind(path):
        raise AnalysisError(f"{path} is {kind}; expected a text file")
    try:
        # Tables of predictions are long.
        return read_any_text(path, longest=None)
    except UnicodeDecodeError as error:
        raise AnalysisError(f"{path}: not a text file: {error.reason} at byte {error.start}") from error
