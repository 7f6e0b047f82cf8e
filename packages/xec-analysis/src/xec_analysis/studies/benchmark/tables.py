"""The tables of a set, for the terminal and for Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from xec_analysis.resolution.digits import with_error
from xec_analysis.studies.benchmark.content import Binned, BoundRatio, DeadLoss, Pull, Resolution, SetNumbers
from xec_analysis.studies.benchmark.sets import SETS

if TYPE_CHECKING:
    from rich.table import Table

Row = tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """A table of texts.

    Attributes
    ----------
    title
        What it shows.
    header, rows
        The texts; ``**text**`` is strong. The first columns are names, from `first_number` on are numbers.
    first_number
        Index of the first column of numbers.
    """

    title: str
    header: Row
    rows: tuple[Row, ...]
    first_number: int = 1

    def markdown(self) -> str:
        """Return the table in Markdown, without its title."""
        lines = [self.header, self._rule(), *self.rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def rich(self) -> Table:
        """Return the table for the terminal."""
        from rich import box
        from rich.table import Table

        table = Table(title=self.title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
        for k, name in enumerate(self.header):
            table.add_column(name, justify="right" if k >= self.first_number else "left", no_wrap=True)
        for row in self.rows:
            table.add_row(*(_strong(text) for text in row))
        return table

    def _rule(self) -> Row:
        return tuple("---:" if k >= self.first_number else "---" for k in range(len(self.header)))


def set_tables(numbers: SetNumbers, *, binned: bool = True) -> Iterator[Grid]:
    """Yield the tables of a set: resolutions first, and without those in bins if they are not wanted."""
    yield _resolution_table(numbers)
    if binned:
        yield from _pull_tables(numbers.pulls)
    if numbers.bound_ratios:
        yield _ratio_table(numbers.bound_ratios)
    if numbers.dead_losses:
        yield _loss_table(numbers.dead_losses)


def missing_estimates(numbers: SetNumbers) -> list[str]:
    """Return a line for every method without an estimate of some events."""
    least: dict[str, int] = {}
    for resolution in numbers.resolutions:
        least[resolution.method] = min(least.get(resolution.method, numbers.events), resolution.events)
    return [
        f"{method}: {events} of {numbers.events} events have an estimate; the others are left out"
        for method, events in least.items()
        if events < numbers.events
    ]


def remarks(numbers: SetNumbers) -> list[str]:
    """Return what a reader of a set's numbers has to know: a line each."""
    events = SETS.get(numbers.name)
    known = "All photons have one energy, which a network learns by heart: its energy is no measurement here."
    return [*([known] if events and events.population.one_energy else []), *missing_estimates(numbers)]


# The first is the one that methods are compared by.
_MEASURES: dict[str, Callable[[Resolution], str]] = {
    "68 %": lambda resolution: with_error(resolution.width),
    "RMS": lambda resolution: with_error(resolution.rms),
    "bias": lambda resolution: with_error(resolution.bias, signed=True),
}
_PULL = "pull"


def _resolution_table(numbers: SetNumbers) -> Grid:
    methods = _distinct(r.method for r in numbers.resolutions)
    pulls = {(pull.method, pull.quantity): pull.width for pull in numbers.pulls}
    rows: list[Row] = []
    for quantity in _distinct(r.quantity for r in numbers.resolutions):
        of_method = {r.method: r for r in numbers.resolutions if r.quantity == quantity}
        unit = next(iter(of_method.values())).unit
        best = numbers.best.get(quantity)
        lines = {
            (measure, unit): [write(of_method[m]) if m in of_method else "" for m in methods]
            for measure, write in _MEASURES.items()
        }
        lines[_PULL, ""] = [with_error(pulls.get((method, quantity))) for method in methods]
        for measure, texts in lines.items():
            if not rows or rows[-1][0] != quantity:
                texts = [f"**{t}**" if m == best else t for m, t in zip(methods, texts, strict=True)]
            if any(texts):
                rows.append((quantity, *measure, *texts))
    title = f"{numbers.title}: {numbers.events} events"
    return Grid(title, ("quantity", "", "unit", *methods), _without_repetitions(rows), first_number=3)


def _without_repetitions(rows: Sequence[Row]) -> tuple[Row, ...]:
    """The rows, with the first text only where it is another one than in the row above."""
    above = ["", *(row[0] for row in rows)]
    return tuple(
        ("" if row[0] == before else row[0], *row[1:]) for row, before in zip(rows, above, strict=False)
    )


def _pull_tables(pulls: Sequence[Pull]) -> Iterator[Grid]:
    for variable in _distinct(profile.variable for pull in pulls for profile in pull.profiles):
        profiles = {
            pull: profile for pull in pulls for profile in pull.profiles if profile.variable == variable
        }
        most = max(profiles.values(), key=lambda profile: len(profile.low))
        rows = tuple(
            (pull.method, pull.quantity, with_error(pull.width), *_bin_texts(profile, most))
            for pull, profile in profiles.items()
        )
        header = ("method", "quantity", "all", *_bin_names(most))
        title = f"Width of the pulls in bins of {variable} [{most.unit}]"
        yield Grid(title, header, rows, first_number=2)


def _ratio_table(ratios: Sequence[BoundRatio]) -> Grid:
    most = max((ratio.profile for ratio in ratios), key=lambda profile: len(profile.low))
    rows = tuple(
        (ratio.method, ratio.quantity, with_error(ratio.median), *_bin_texts(ratio.profile, most))
        for ratio in ratios
    )
    title = f"RMS over the Cramér–Rao bound in bins of {most.variable} [{most.unit}]"
    return Grid(title, ("method", "quantity", "median", *_bin_names(most)), rows, first_number=2)


def _loss_table(losses: Sequence[DeadLoss]) -> Grid:
    methods = _distinct(loss.method for loss in losses)
    rows = []
    for quantity in _distinct(loss.quantity for loss in losses):
        of_method = {loss.method: loss.ratio for loss in losses if loss.quantity == quantity}
        rows.append((quantity, *(with_error(of_method.get(method)) for method in methods)))
    return Grid("68 % width over that without dead sensors", ("quantity", *methods), tuple(rows))


def _bin_names(profile: Binned) -> Row:
    return tuple(f"{low:.1f}–{high:.1f}" for low, high in zip(profile.low, profile.high, strict=True))


def _bin_texts(profile: Binned, columns: Binned) -> list[str]:
    """The numbers under the columns of a profile with the same bins, or more."""
    texts = dict(zip(profile.low, map(with_error, profile.numbers), strict=True))
    return [texts.get(low, "") for low in columns.low]


TextT = TypeVar("TextT")


def _distinct(values: Iterable[TextT]) -> list[TextT]:
    return list(dict.fromkeys(values))


def _strong(text: str) -> str:
    return f"[bold]{text[2:-2]}[/]" if text.startswith("**") else text
