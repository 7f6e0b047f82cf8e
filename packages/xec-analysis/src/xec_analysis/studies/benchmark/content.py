"""The numbers of a benchmark: what its JSON file holds, and its tables and figures show."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from xec_analysis.resolution.statistics import Number
from xec_geometry.support.output import atomic_output


@dataclass(frozen=True)
class Binned:
    """A number in bins of a true value.

    Attributes
    ----------
    variable
        The output whose true value it is.
    unit
        Unit of the edges.
    low, centre, high
        Least value, median and largest value in each bin.
    numbers
        The number of each bin.
    """

    variable: str
    unit: str
    low: tuple[float, ...]
    centre: tuple[float, ...]
    high: tuple[float, ...]
    numbers: tuple[Number, ...]


@dataclass(frozen=True)
class Resolution:
    """Residuals of one quantity by one method.

    Attributes
    ----------
    method, quantity, unit
        Who, what, and the unit of the numbers.
    events
        Events with an estimate.
    width
        Half of the central 68 % interval; of distances and angles between directions the 68 % quantile.
    rms
        Standard deviation; of distances and angles the root mean square.
    bias
        Median; None for distances, angles and bounds.
    profiles
        The width in bins of depth and energy.
    """

    method: str
    quantity: str
    unit: str
    events: int
    width: Number
    rms: Number
    bias: Number | None
    profiles: tuple[Binned, ...]


@dataclass(frozen=True)
class Pull:
    """Residuals over the σ that a method states: its width is 1 where σ is right.

    Attributes
    ----------
    method, quantity
        Who and what.
    width
        For all events.
    profiles
        In bins of depth and energy.
    edges, counts
        Histogram of the pulls.
    """

    method: str
    quantity: str
    width: Number
    profiles: tuple[Binned, ...]
    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class BoundRatio:
    """RMS over the Cramér–Rao bound in bins of depth, and the median of the bins."""

    method: str
    quantity: str
    median: Number
    profile: Binned


@dataclass(frozen=True)
class DeadLoss:
    """Width with dead sensors over the width without, on the same events."""

    method: str
    quantity: str
    ratio: Number


@dataclass(frozen=True)
class SetNumbers:
    """All numbers of a set.

    Attributes
    ----------
    name, title, events
        Which one it is, and how many events it has.
    resolutions, pulls, bound_ratios, dead_losses
        The numbers; `dead_losses` only if the set without dead sensors was measured, too.
    best
        Quantity → the method whose width is smaller than that of every other by twice the statistical error
        of their ratio on the same events. Only methods with an estimate for all events take part.
    """

    name: str
    title: str
    events: int
    resolutions: tuple[Resolution, ...]
    pulls: tuple[Pull, ...]
    bound_ratios: tuple[BoundRatio, ...] = ()
    dead_losses: tuple[DeadLoss, ...] = ()
    best: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainingRecord:
    """A training whose network was measured.

    Attributes
    ----------
    network
        Name of its run.
    title
        The events that it learnt from.
    events
        How many.
    minutes
        What it was allowed.
    seconds
        What the command took, start and validations included.
    epochs
        Passes through the events.
    date, commit
        When, and with which state of the code.
    """

    network: str
    title: str
    events: int
    minutes: float
    seconds: float
    epochs: float
    date: str
    commit: str


@dataclass(frozen=True)
class Benchmark:
    """A benchmark.

    Attributes
    ----------
    command
        The command that measured it.
    date, commit
        When, and with which state of the code.
    machine
        Processor and cores, and the GPU if there is one.
    versions
        Of the packages.
    trainings, sets
        The networks, and the numbers.
    """

    command: str
    date: str
    commit: str
    machine: str
    versions: dict[str, str]
    trainings: tuple[TrainingRecord, ...]
    sets: tuple[SetNumbers, ...]

    def write(self, path: Path) -> Path:
        """Write a JSON file."""
        with atomic_output(path) as temporary:
            text = json.dumps(asdict(self), indent=1, allow_nan=False)
            temporary.write_text(text + "\n", encoding="utf-8")
        return path
