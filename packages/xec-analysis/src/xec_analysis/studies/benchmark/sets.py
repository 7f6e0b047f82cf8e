"""The fixed sets of events of the benchmark, and how many events they have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xec_analysis.errors import AnalysisError
from xec_data.simulation.configuration import SIGNAL_ENERGY
from xec_geometry.support.registry import Registry

TASKS_MEASURED = ("angle", "energy", "timing", "uvwFI")
"""The tasks that the networks learn."""

DEAD_FRACTION = 0.02
_DEAD_RUN = 1000
_SHORT_TRAINING = 5.0
_ONE_ENERGY = f"{SIGNAL_ENERGY:g}"


@dataclass(frozen=True)
class Population:
    """Events of one kind: a network is trained on them, and tested on others of the same kind.

    Attributes
    ----------
    name
        Its name in files.
    title
        Its heading.
    energy
        Energy in GeV, or a range, as `xec data simulate` reads it.
    shower
        Whether the photons make showers, or leave all energy in one point.
    seeds
        Of the events to train on, to validate on and to test with.
    longest_minutes
        Upper limit of the training; None: as long as the user says.
    noise_free
        Whether sensors read the light itself: what a network reaches then is what the light holds.
    """

    name: str
    title: str
    energy: str
    shower: bool
    seeds: tuple[int, int, int]
    longest_minutes: float | None = _SHORT_TRAINING
    noise_free: bool = False

    @property
    def one_energy(self) -> bool:
        """Whether all photons have the same energy."""
        return ":" not in self.energy

    def minutes(self, asked: float) -> float:
        """Return the duration of the training in minutes."""
        return asked if self.longest_minutes is None else min(asked, self.longest_minutes)


# The first are those of the demo.
SHOWERS = Population("showers", "Showers of 15–60 MeV", "0.015:0.060", True, (1, 2, 3), longest_minutes=None)
SIGNAL = Population("showers-52.8", "Showers of 52.8 MeV", _ONE_ENERGY, True, (21, 22, 23))
SIGNAL_POINTS = Population("points-52.8", "Points of 52.8 MeV", _ONE_ENERGY, False, (31, 32, 33))
POINTS = Population("points", "Points of 15–60 MeV", "0.015:0.060", False, (41, 42, 43))
LIGHT = Population(
    "showers-noise-free",
    "Noise-free light of showers of 15–60 MeV",
    "0.015:0.060",
    True,
    (51, 52, 53),
    noise_free=True,
)


@dataclass(frozen=True)
class EventSet:
    """Events on which all methods are measured.

    Attributes
    ----------
    name
        Its name on the command line and in files.
    population
        What the events are; its network is tested with them.
    dead
        Fraction of dead sensors. The network has been trained without: they are dropped at random there.
    """

    name: str
    population: Population
    dead: float

    @property
    def title(self) -> str:
        """Heading of its table."""
        return self.population.title + (f", {100 * self.dead:g} % of the sensors dead" if self.dead else "")

    @property
    def run(self) -> int:
        """Its run number, of no other set: predictions of other programs are recognized by it."""
        return self.population.seeds[2] + (_DEAD_RUN if self.dead else 0)


SETS = Registry(
    "set",
    [
        EventSet(population.name + suffix, population, dead)
        for population in (SHOWERS, SIGNAL, SIGNAL_POINTS, POINTS)
        for suffix, dead in (("", 0.0), ("-dead", DEAD_FRACTION))
    ]
    + [EventSet(LIGHT.name, LIGHT, 0.0)],
    error=AnalysisError,
)
"""All sets of the benchmark. One with dead sensors has the events of the one without."""


def choose_sets(names: Sequence[str]) -> list[EventSet]:
    """Return sets by name, in the order of `SETS`; all of them for no names.

    Parameters
    ----------
    names
        Each may be several, separated by commas.

    Raises
    ------
    AnalysisError
        If there is no such set, or texts without a name.
    """
    wanted = [name for text in names for name in text.split(",") if name]
    if names and not wanted:
        raise AnalysisError(f"--sets: found no name, expected one of {', '.join(SETS)}")
    for name in wanted:
        SETS.get_named(name, "--sets: ")
    return [events for name, events in SETS.items() if name in wanted or not wanted]


@dataclass(frozen=True)
class EventCounts:
    """Numbers of events of each kind: to train on, to validate on, to test with."""

    train: int = 20_000
    validation: int = 1_000
    test: int = 5_000

    @classmethod
    def parse(cls, text: str) -> EventCounts:
        """Read ``TRAIN``, ``TRAIN:VALIDATION`` or ``TRAIN:VALIDATION:TEST``; the usual numbers for the rest.

        Raises
        ------
        AnalysisError
            If it is something else.
        """
        try:
            numbers = [int(part) for part in text.split(":")]
        except ValueError:
            numbers = []
        if not 1 <= len(numbers) <= len(cls.__annotations__) or min(numbers) < 1:
            raise AnalysisError(
                f"--events: cannot read {text!r}; expected numbers of events to train on, to validate on and "
                f"to test with, such as {cls.train}:{cls.validation}:{cls.test}, or the first of them"
            )
        return cls(*numbers)
