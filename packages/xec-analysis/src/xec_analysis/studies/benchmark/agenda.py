"""The work of a benchmark in its order, announced piece by piece."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xec_analysis.studies.benchmark.commands import CommandWork
from xec_analysis.studies.benchmark.work import Ledger, Work
from xec_analysis.studies.steps import announce

if TYPE_CHECKING:
    from rich.console import Console


class Agenda:
    """All work in its order; each piece is announced once, as a command where it is one.

    Parameters
    ----------
    commands, estimators
        The commands, and the work after them.
    console
        Terminal to print to.

    Attributes
    ----------
    all
        The work.
    """

    def __init__(self, commands: Sequence[CommandWork], estimators: Sequence[Work], console: Console) -> None:
        self.all = [*(command.work for command in commands), *estimators]
        self._steps = {command.work.name: command.step for command in commands}
        self._console = console
        self._said: set[str] = set()

    def do(self, work: Sequence[Work], ledger: Ledger) -> None:
        """Do what is not finished of some of the work, and say so of what is."""
        for piece in work:
            place = f"{self.all.index(piece) + 1}/{len(self.all)}"
            if piece.name in self._said:
                continue
            self._said.add(piece.name)
            if ledger.has(piece):
                entry = ledger[piece]
                text = f"{place}  {piece.name}: there already ({entry.date}, {entry.commit})"
                self._console.print(text, markup=False)
                continue
            if piece.name in self._steps:
                announce(self._steps[piece.name], place, self._console)
            else:
                self._console.print(f"\n[bold]{place}  {piece.name}[/]")
            ledger.do(piece)
