"""A finding, and the table of all checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from xec_geometry.support.text import first_line


@dataclass(frozen=True)
class Finding:
    """Something about the machine.

    Attributes
    ----------
    name
        What.
    value
        What was found.
    problem
        What is wrong with it and what to do about it; empty if nothing is.
    """

    name: str
    value: str
    problem: str = ""


@dataclass(frozen=True)
class Check:
    """A check, and the heading of what it finds."""

    section: str
    find: Callable[[], Iterable[Finding]]

    def run(self) -> list[Finding]:
        """Return what it finds; an error of its own is a finding as well."""
        try:
            return list(self.find())
        except Exception as error:
            return [Finding(self.section, "unknown", f"{type(error).__name__}: {first_line(error)}")]
