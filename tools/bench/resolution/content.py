"""The numbers of a study of the time to resolution, from residuals."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from tools.bench.resolution.networks import Network
from tools.bench.resolution.widths import Course, Time, geometric_mean, relative, width_of, worst

from xec_analysis.resolution.statistics import Number
from xec_analysis.runs.provenance import accelerator, commit, processor
from xec_analysis.studies.benchmark.measurement import Residuals as Residual
from xec_geometry.support.output import atomic_output

ALL, MEAN = "all of them", "geometric mean"


@dataclass(frozen=True)
class Level:
    """A resolution that is to be reached: its name, and its widths in units of the refined ones."""

    name: str
    factor: float


LEVELS = (Level("refined", 1.0), Level("25 % better", 0.75))


@dataclass(frozen=True)
class Quantity:
    """A quantity: its unit, the width of the refined reconstruction, and whether it is made of others."""

    unit: str
    refined: Number
    joint: bool = False


@dataclass(frozen=True)
class Training:
    """What a network reaches when.

    Attributes
    ----------
    network
        The network.
    courses
        Quantity → its width in the course of the training.
    """

    network: Network
    courses: dict[str, Course]

    @property
    def minutes(self) -> float:
        """How long it has trained."""
        return next(iter(self.courses.values())).minutes[-1]


@dataclass(frozen=True)
class Machine:
    """Where and when numbers were measured."""

    date: str
    processor: str
    threads: str
    commit: str

    @classmethod
    def here(cls) -> Machine:
        """Describe this machine."""
        model = ", ".join(filter(None, (processor(), accelerator())))
        threads = os.environ.get("OMP_NUM_THREADS", "all cores")
        return cls(f"{datetime.now(UTC):%Y-%m-%d}", model, threads, commit())

    def __str__(self) -> str:
        return f"{self.date}, {self.processor}, threads: {self.threads}, commit {self.commit}"


@dataclass(frozen=True)
class Content:
    """All numbers of a study.

    Attributes
    ----------
    command
        The command that measured them.
    machine
        Where and when.
    events
        Number of events with which widths are measured.
    quantities
        What is measured, by name.
    trainings
        The networks.
    """

    command: str
    machine: Machine
    events: int
    quantities: dict[str, Quantity]
    trainings: tuple[Training, ...]

    def over_refined(self, training: Training) -> dict[str, Course]:
        """Return every width of a training over the refined one, and what holds for all together."""
        courses = relative(training.courses, {name: q.refined.value for name, q in self.quantities.items()})
        single = [course for name, course in courses.items() if not self.quantities[name].joint]
        return {**courses, ALL: worst(list(courses.values())), MEAN: geometric_mean(single)}

    def times(self, training: Training) -> dict[str, list[Time]]:
        """Return when each of `LEVELS` is reached, by quantity."""
        courses = self.over_refined(training)
        return {name: [course.time_to(level.factor) for level in LEVELS] for name, course in courses.items()}

    def write(self, path: Path) -> Path:
        """Write all as a JSON file."""
        times = {
            training.network.name: {
                name: {level.name: asdict(time) for level, time in zip(LEVELS, of, strict=True)}
                for name, of in self.times(training).items()
            }
            for training in self.trainings
        }
        text = json.dumps({**asdict(self), "minutes_to_level": times}, indent=1, allow_nan=False)
        with atomic_output(path) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")
        return path


def quantities_of(refined: Mapping[str, Residual]) -> dict[str, Quantity]:
    """Return what the residuals of the refined reconstruction measure."""
    return {name: Quantity(one.unit, width_of(one), joint=one.distance) for name, one in refined.items()}


def training_of(network: Network, course: Mapping[float, Mapping[str, Residual]]) -> Training:
    """Return the widths of a network in the course of its training, from minutes → residuals."""
    minutes = tuple(course)
    names: Sequence[str] = list(course[minutes[0]])
    widths = {name: tuple(width_of(course[t][name]) for t in minutes) for name in names}
    return Training(network, {name: Course(minutes, of) for name, of in widths.items()})
