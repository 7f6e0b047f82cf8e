"""68 % widths of files of estimates, and how long a width takes to fall to a level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xec_analysis.resolution.statistics import Number
from xec_analysis.studies.benchmark.estimates import assign, read_estimate_columns
from xec_analysis.studies.benchmark.measurement import Residuals as Residual, residuals_of
from xec_analysis.studies.benchmark.sets import SETS, SHOWERS
from xec_analysis.studies.benchmark.truth import SetTruth

SET = SETS[SHOWERS.name]
"""The events on which widths are measured."""


TOLERANCE = 0.005
"""By how much a width may be above a level that it has reached: less than the statistical errors."""


def residuals_in(path: Path, truth: SetTruth, name: str) -> dict[str, Residual]:
    """Return the residuals of every quantity in a file of estimates, by quantity."""
    estimates = assign(read_estimate_columns(path), truth, name)
    return {residual.name: residual for residual in residuals_of(estimates, truth)}


def width_of(residual: Residual) -> Number:
    """Return the 68 % width of the events with an estimate."""
    return residual.width(residual.values[np.isfinite(residual.values)])


@dataclass(frozen=True)
class Course:
    """A width in the course of a training.

    Attributes
    ----------
    minutes
        Minutes of training, ascending.
    widths
        The width then, each.
    """

    minutes: tuple[float, ...]
    widths: tuple[Number, ...]

    def time_to(self, level: float) -> Time:
        """Return when the width has fallen to a level for good, within `TOLERANCE`.

        Between two points it follows a power of the time.
        """
        level, values = (1 + TOLERANCE) * level, [number.value for number in self.widths]
        above = [k for k, value in enumerate(values) if not value <= level]
        if not above:
            return Time(self.minutes[0], earlier=True)
        if (last := above[-1]) == len(values) - 1:
            return Time(None)
        (t0, t1), (w0, w1) = self.minutes[last : last + 2], values[last : last + 2]
        part = np.log(w0 / level) / np.log(w0 / w1)
        return Time(float(t0 * (t1 / t0) ** part))


@dataclass(frozen=True)
class Time:
    """When a level is reached.

    Attributes
    ----------
    minutes
        Minutes of training; None: not within the training.
    earlier
        Whether the first point is below the level already.
    """

    minutes: float | None
    earlier: bool = False

    def __str__(self) -> str:
        return "" if self.minutes is None else f"{'< ' if self.earlier else ''}{self.minutes:.3g}"


def relative(courses: Mapping[str, Course], levels: Mapping[str, float]) -> dict[str, Course]:
    """Return the courses of widths in units of their levels."""
    return {
        name: Course(course.minutes, tuple(number.scaled(1 / levels[name]) for number in course.widths))
        for name, course in courses.items()
    }


def worst(courses: Sequence[Course]) -> Course:
    """Return the largest of several widths at every time: below a level only if all are."""
    together = zip(*(course.widths for course in courses), strict=True)
    return Course(courses[0].minutes, tuple(max(numbers, key=lambda n: n.value) for numbers in together))


def geometric_mean(courses: Sequence[Course]) -> Course:
    """Return the geometric mean of several widths at every time, without an error."""
    together = zip(*(course.widths for course in courses), strict=True)
    means = (Number(float(np.exp(np.mean([np.log(n.value) for n in numbers])))) for numbers in together)
    return Course(courses[0].minutes, tuple(means))
