"""What a case of the bench measures, and the table of all cases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

AREAS = ("data", "model", "predict", "simulate", "startup")


@dataclass(frozen=True)
class Result:
    """One line of the table.

    Attributes
    ----------
    case
        What was measured.
    rate, unit
        How fast, and in what, mostly ``events/s``.
    limit, limit_name
        What it is compared with, measured in the same run and in the same unit.
    ratio
        Rate by limit; for times and memory, where less is better, limit by rate.
    peak_memory_mb
        Largest resident memory while it ran, above that before; NaN if it was not measured.
    target
        What the ratio should reach; None: only reported.
    """

    case: str
    rate: float
    unit: str
    limit: float
    limit_name: str
    ratio: float
    peak_memory_mb: float
    target: float | None = None


Case = Callable[[], list[Result]]

# By area; a module adds its cases with `case`, in the order in which they run.
CASES: dict[str, list[Case]] = {area: [] for area in AREAS}


def case(area: str) -> Callable[[Case], Case]:
    """Add a function to the cases of an area."""

    def add(function: Case) -> Case:
        CASES[area].append(function)
        return function

    return add
