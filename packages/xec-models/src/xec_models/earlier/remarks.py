"""Remarks on a conversion: what deviates from the file, and what was assumed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError


@dataclass
class Remarks:
    """Lines for the user, in the order in which they were made.

    Attributes
    ----------
    notes
        What deviates from the file, and assumptions that hardly matter.
    warnings
        Assumptions that make every number wrong if they are.
    """

    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def note(self, line: str) -> None:
        """Add a note."""
        self.notes.append(line)

    def warn(self, line: str) -> None:
        """Add a warning."""
        self.warnings.append(line)


def invalid_settings(path: Path, error: ValidationError) -> str:
    """Describe the first setting that is not valid."""
    first = error.errors()[0]
    return f"{path}: its settings: {'.'.join(map(str, first['loc']))}: {first['msg']}"
