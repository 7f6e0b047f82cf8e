"""The work of a study: events, conventional estimates, trainings and predictions, each done once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from rich.console import Console
from tools.bench.resolution.networks import Network, Recipe, all_settings
from tools.bench.resolution.snapshots import moments, read_snapshots, train_with_snapshots
from tools.bench.resolution.widths import SET, Residual, residuals_in

from xec_analysis.studies.benchmark.commands import (
    Commands,
    CommandWork,
    Training,
    estimates_path,
)
from xec_analysis.studies.benchmark.methods import method_works
from xec_analysis.studies.benchmark.sets import SHOWERS, TASKS_MEASURED, EventCounts
from xec_analysis.studies.benchmark.truth import SetTruth, read_truth
from xec_analysis.studies.benchmark.work import Ledger, Work, open_folder
from xec_analysis.studies.steps import Step, announce
from xec_models.checkpoint.reading import read_checkpoint
from xec_models.checkpoint.run_directory import RunDirectory
from xec_train.config.sections import AUTO
from xec_train.engine.hardware.operators import prepare_operators

REFINED = "refined"
_LOG_WIDTH = 240

Residuals = dict[str, Residual]
"""By quantity."""


def new_console() -> Console:
    """Return the terminal; where there is none, tables are not cut to the width of one."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(width=_LOG_WIDTH, highlight=False)


class Study:
    """Networks that are trained on the same events for the same time, and measured on the same others.

    Parameters
    ----------
    folder
        Folder for all files: a new one, or that of an earlier study.
    counts
        Numbers of events.
    minutes
        Time of each training.
    console
        Terminal to print to.
    """

    def __init__(self, folder: Path, counts: EventCounts, minutes: float, console: Console) -> None:
        self._commands, self._minutes, self._console = Commands(counts, Training(minutes)), minutes, console
        self._ledger: Ledger = open_folder(folder, (), overwrite=False)
        self.folder = folder
        self._truth: SetTruth | None = None

    @property
    def truth(self) -> SetTruth:
        """True values of the events that networks are measured on."""
        if self._truth is None:
            test = self._command(self._commands.test_file(SET))
            self._truth = read_truth(SET, self.folder / test.step.makes[0])
        return self._truth

    def conventional(self) -> Residuals:
        """Return the residuals of the refined conventional reconstruction."""
        path = estimates_path(SET, REFINED)
        (work,) = (work for work in method_works([SET], self._commands) if path in work.makes)
        for needed in (self._commands.train_file(SHOWERS), self._commands.test_file(SET)):
            self._command(needed)
        self._do(work, lambda: self._console.print(f"\n[bold]{work.name}[/]"))
        return residuals_in(self.folder / path, self.truth, REFINED)

    def configuration(self, recipe: Recipe) -> CommandWork:
        """Write a configuration."""
        words = (*recipe.configure, "-o", recipe.file)
        return self._command(
            CommandWork.of(Step(f"configuration {recipe.file}", "", "", words, (recipe.file,)))
        )

    def train(self, network: Network, points: int = 1) -> Trained:
        """Train a network, and keep it at so many points of the time, of which the end is one."""
        config = self.configuration(network.recipe)
        files = [self._commands.train_file(SHOWERS), self._commands.validation_file(SHOWERS)]
        train, validation = (self._command(file).step.makes[0] for file in files)
        words = (
            config.step.makes[0],
            "--tasks",
            *TASKS_MEASURED,
            f"data.train_path={train}",
            f"data.val_path={validation}",
            f"mlflow.run_name={network.name}",
            *all_settings(network, self._minutes),
        )
        trained = Trained(network, RunDirectory(self.folder / "artifacts" / network.name), self)
        at = moments(self._minutes, points)
        makes = tuple(str(path.relative_to(self.folder)) for path in (trained.run.path, trained.snapshots))
        run = partial(train_with_snapshots, words, makes[1], at, plain=network.plain)
        name = f"{network.name}: training"
        settings = (*words, *map(str, at), *(["plain"] if network.plain else []))
        trained.work = Work(name, settings, makes, run, tuple(w.work for w in (config, *files)))

        def say() -> None:
            # Compiled once on a machine: not in the time of whichever network is trained first.
            prepare_operators(AUTO, torch.device("cpu"), self._console.print)
            self._console.print(what, soft_wrap=True)

        what = f"\n[bold]{name}[/]\nTrains for {self._minutes:g} min: {network.title}."
        self._do(trained.work, say)
        return trained

    def predict(self, trained: Trained, checkpoint: Path, name: str) -> Residuals:
        """Return the residuals of a network of a training."""
        output = f"predictions/{name}.root"
        test = self._command(self._commands.test_file(SET))
        source = str(checkpoint.relative_to(self.folder))
        step = Step(
            f"{name}: prediction", "", "", ("predict", source, test.step.makes[0], "-o", output), (output,)
        )
        assert trained.work is not None
        self._command(CommandWork.of(step, CommandWork(step, trained.work), test))
        return residuals_in(self.folder / output, self.truth, name)

    def _command(self, command: CommandWork) -> CommandWork:
        self._do(command.work, lambda: announce(command.step, "", self._console))
        return command

    def _do(self, work: Work, say: Callable[[], None]) -> None:
        """Do a piece of work if it is not finished."""
        if self._ledger.has(work):
            return
        say()
        self._ledger.do(work)


class Trained:
    """A training that is finished.

    Attributes
    ----------
    network
        What was trained.
    run
        Its run directory.
    work
        The piece of work.
    """

    def __init__(self, network: Network, run: RunDirectory, study: Study) -> None:
        self.network, self.run, self._study = network, run, study
        self.work: Work | None = None

    @property
    def snapshots(self) -> Path:
        """Folder of the networks within the training."""
        return self._study.folder / "snapshots" / self.network.name

    def final(self) -> Residuals:
        """Return the residuals of the best network of the training."""
        return self._study.predict(self, self.run.checkpoint_best, f"{self.network.name}-end")

    def course(self) -> dict[float, Residuals]:
        """Return minutes of training → residuals: of every snapshot, and of the best network at the end."""
        found = {
            seconds / 60: self._study.predict(self, path, f"{self.network.name}-{path.stem}")
            for seconds, path in read_snapshots(self.snapshots).items()
        }
        return {**found, self.minutes: self.final()}

    @property
    def minutes(self) -> float:
        """Minutes that the training took."""
        training = read_checkpoint(self.run.checkpoint_last).training
        assert training is not None
        return float(training.timing["seconds"]) / 60
