"""The benchmark: networks, conventional estimators, likelihood fit and bound on fixed sets of events."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from xec_analysis.errors import AnalysisError
from xec_analysis.runs.provenance import accelerator, commit, processor, versions
from xec_analysis.runs.training_curves import read_metrics
from xec_analysis.studies.benchmark.agenda import Agenda
from xec_analysis.studies.benchmark.bounds import BOUND
from xec_analysis.studies.benchmark.commands import (
    NETWORK,
    Commands,
    Training,
    run_directory,
)
from xec_analysis.studies.benchmark.compared_files import parse_compared, read_compared
from xec_analysis.studies.benchmark.content import Benchmark, TrainingRecord
from xec_analysis.studies.benchmark.evaluation import measure_all
from xec_analysis.studies.benchmark.figures import draw_figures
from xec_analysis.studies.benchmark.markdown import write_page
from xec_analysis.studies.benchmark.methods import METHODS, method_works
from xec_analysis.studies.benchmark.sets import EventCounts, EventSet, choose_sets
from xec_analysis.studies.benchmark.tables import remarks, set_tables
from xec_analysis.studies.benchmark.truth import read_truth
from xec_analysis.studies.benchmark.work import Ledger, open_folder
from xec_geometry.cli.plugins import require_commands
from xec_geometry.support.output import check_writable, make_folder

if TYPE_CHECKING:
    from rich.console import Console

NUMBERS, PAGE, FIGURES = "benchmark.json", "benchmark.md", "figures"


@dataclass(frozen=True)
class BenchmarkOptions:
    """What to measure.

    Attributes
    ----------
    folder
        Folder for all output.
    training
        How networks are trained.
    events, sets, compare
        As typed: numbers of events, names of sets, files of estimates of other programs.
    page
        A second place for the page in Markdown.
    overwrite
        Whether to do again what is finished in the folder.
    kind
        Format of the figures.
    """

    folder: Path
    training: Training
    events: str | None = None
    sets: tuple[str, ...] = ()
    compare: tuple[str, ...] = ()
    page: Path | None = None
    overwrite: bool = False
    kind: str = "pdf"

    @property
    def command(self) -> str:
        """The command with all that decides on its numbers."""
        words = ["xec", "benchmark", "--minutes", f"{self.training.minutes:g}"]
        words += ["--preset", self.training.preset] if self.training.preset else []
        words += ["--events", self.events] if self.events else []
        words += ["--sets", ",".join(self.sets)] if self.sets else []
        # Folders are of no interest to others.
        words += [word for file in self.compare for word in ("--compare", file.rpartition("/")[2])]
        words += [word for setting in self.training.settings for word in ("--set", setting)]
        return shlex.join(words)


def run_benchmark(options: BenchmarkOptions, console: Console) -> Benchmark:
    """Simulate, train and predict what is not there yet, measure all methods, and write the results.

    Parameters
    ----------
    options
        What to measure.
    console
        Terminal to print to.

    Returns
    -------
    Benchmark
        The numbers, which are in the folder, too.

    Raises
    ------
    AnalysisError
        If an option is wrong, the folder is that of something else, or compared events differ.
    CommandError
        If the package of a command is not installed.
    StepError
        If a command fails.
    """
    if not options.training.minutes > 0:
        raise AnalysisError(f"--minutes: found {options.training.minutes:g}, expected more than 0")
    sets = choose_sets(options.sets)
    compared = parse_compared(options.compare, (NETWORK, *METHODS, BOUND))
    if options.page is not None:
        check_writable(options.page)
    counts = EventCounts.parse(options.events) if options.events else EventCounts()
    commands = Commands(counts, options.training)
    tests = [commands.test_file(events) for events in sets]
    networks = commands.networks(sets)
    require_commands(command.step.arguments[0] for command in [*tests, *networks])
    agenda = Agenda([*tests, *networks], method_works(sets, commands), console)
    ledger = open_folder(options.folder, agenda.all, overwrite=options.overwrite)
    # The configuration first: a preset that does not exist is found out before events are simulated.
    agenda.do([commands.config.work, *(test.work for test in tests)], ledger)
    truths = {
        events.name: read_truth(events, options.folder / test.step.makes[0])
        for events, test in zip(sets, tests, strict=True)
    }
    # A file of other events is found out before an hour is spent on training.
    others = read_compared(compared, truths)
    agenda.do(agenda.all, ledger)
    benchmark = Benchmark(
        command=options.command,
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        commit=commit(),
        machine=", ".join(filter(None, (processor(), accelerator()))),
        versions=versions(),
        trainings=_trainings(sets, commands, ledger),
        sets=measure_all(truths, others, options.folder),
    )
    _write(benchmark, options, console)
    return benchmark


def _trainings(sets: Sequence[EventSet], commands: Commands, ledger: Ledger) -> tuple[TrainingRecord, ...]:
    records = []
    for population in dict.fromkeys(events.population for events in sets):
        entry = ledger[commands.network(population).work]
        curves = read_metrics(ledger.folder / run_directory(population).metrics)
        records.append(
            TrainingRecord(
                network=population.name,
                title=population.title,
                events=commands.counts.train,
                minutes=population.minutes(commands.training.minutes),
                seconds=entry.seconds,
                epochs=max(float(curve.epoch.max()) for curve in curves.values()),
                date=entry.date,
                commit=entry.commit,
            )
        )
    return tuple(records)


def _write(benchmark: Benchmark, options: BenchmarkOptions, console: Console) -> None:
    for numbers in benchmark.sets:
        for grid in set_tables(numbers, binned=False):
            console.print(grid.rich())
        for line in remarks(numbers):
            console.print(line, soft_wrap=True, markup=False)
    folder = make_folder(options.folder / FIGURES)
    written = [benchmark.write(options.folder / NUMBERS), write_page(benchmark, options.folder / PAGE)]
    if options.page is not None:
        written.append(write_page(benchmark, options.page))
    for numbers in benchmark.sets:
        written += draw_figures(numbers, folder, options.kind)
    for path in written:
        console.print(f"{path}", soft_wrap=True, markup=False)
