"""The commands of the benchmark: simulation, training and prediction of every set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from xec_analysis.studies.benchmark.sets import TASKS_MEASURED, EventCounts, EventSet, Population
from xec_analysis.studies.benchmark.work import Work
from xec_analysis.studies.steps import Step, run_step
from xec_models.checkpoint.run_directory import RunDirectory

STUDY = "benchmark"
CONFIG = "config.yaml"
NETWORK = "network"

# The tables and figures of the benchmark replace those of a run.
PLAIN_RUN = (
    "mlflow.enabled=false",
    "checkpoint.save_artifacts=false",
    "export.onnx=null",
    "training.epochs=10000",
)
"""Settings of a training that is measured: its time decides, not the number of passes."""


@dataclass(frozen=True)
class CommandWork:
    """A command of `xec` as a piece of work.

    Attributes
    ----------
    step
        The command.
    work
        What it does, and what it needs.
    """

    step: Step
    work: Work

    @classmethod
    def of(cls, step: Step, *needs: CommandWork) -> CommandWork:
        """Make a piece of work of a command, from the commands whose files it reads."""
        run = partial(run_step, step, study=STUDY)
        return cls(step, Work(step.title, step.arguments, step.makes, run, tuple(n.work for n in needs)))


@dataclass(frozen=True)
class Training:
    """How networks are trained.

    Attributes
    ----------
    minutes
        Duration that is asked for; see `Population.minutes`.
    preset
        Preset of the configuration; None: its defaults.
    settings
        Further changes to it, as ``key=value``.
    """

    minutes: float
    preset: str | None = "laptop"
    settings: tuple[str, ...] = ()


class Commands:
    """The commands of a benchmark, each made once.

    Parameters
    ----------
    counts
        Numbers of events.
    training
        How networks are trained.
    """

    def __init__(self, counts: EventCounts, training: Training) -> None:
        self.counts, self.training = counts, training
        preset = ("--preset", training.preset) if training.preset else ()
        arguments = ("config", "new", *preset, "-o", CONFIG)
        self.config = CommandWork.of(
            Step("configuration", "The usual configuration of a training.", "", arguments, (CONFIG,))
        )

    def train_file(self, population: Population) -> CommandWork:
        """Return the simulation of the events to train on."""
        return _simulation(population, "train", self.counts.train, population.seeds[0])

    def validation_file(self, population: Population) -> CommandWork:
        """Return the simulation of the events to validate on."""
        return _simulation(population, "validation", self.counts.validation, population.seeds[1])

    def test_file(self, events: EventSet) -> CommandWork:
        """Return the simulation of the events of a set."""
        population = events.population
        use = "test" + events.name.removeprefix(population.name)
        options = ("--dead", f"{events.dead:g}") if events.dead else ()
        return _simulation(
            population, use, self.counts.test, population.seeds[2], "--run", str(events.run), *options
        )

    def network(self, population: Population) -> CommandWork:
        """Return the training of a population's network."""
        train, validation = self.train_file(population), self.validation_file(population)
        minutes = population.minutes(self.training.minutes)
        step = Step(
            f"{population.name}: training",
            f"Trains a network on {self.counts.train} events; time allowed: {minutes:g} min.",
            "",
            (
                "train",
                CONFIG,
                "--tasks",
                *TASKS_MEASURED,
                f"data.train_path={train.step.makes[0]}",
                f"data.val_path={validation.step.makes[0]}",
                f"mlflow.run_name={population.name}",
                f"training.max_minutes={minutes:g}",
                *PLAIN_RUN,
                *self.training.settings,
            ),
            (str(run_directory(population).path),),
        )
        return CommandWork.of(step, self.config, train, validation)

    def prediction(self, events: EventSet) -> CommandWork:
        """Return the prediction of a set by the network of its population."""
        network, test = self.network(events.population), self.test_file(events)
        output = estimates_path(events, NETWORK)
        checkpoint = run_directory(events.population).checkpoint_best
        step = Step(
            f"{events.name}: prediction",
            "Runs the network on events that the training has not seen.",
            "",
            ("predict", str(checkpoint), test.step.makes[0], "-o", output),
            (output,),
        )
        return CommandWork.of(step, network, test)

    def networks(self, sets: Sequence[EventSet]) -> list[CommandWork]:
        """Return all that networks need to predict some sets, in the order in which it can run."""
        populations = dict.fromkeys(events.population for events in sets)
        return [
            self.config,
            *(
                command
                for population in populations
                for command in (self.train_file(population), self.validation_file(population))
            ),
            *map(self.network, populations),
            *map(self.prediction, sets),
        ]


def run_directory(population: Population) -> RunDirectory:
    """Return the run directory of a population's network, relative to the folder."""
    return RunDirectory(f"artifacts/{population.name}")


def estimates_path(events: EventSet, method: str) -> str:
    """Return the file with the estimates of a method for a set, relative to the folder."""
    return f"predictions/{events.name}_{method.replace(' ', '_')}.root"


def _simulation(population: Population, use: str, count: int, seed: int, *options: str) -> CommandWork:
    path = f"events/{population.name}_{use}.root"
    arguments = ("data", "simulate", path, "--events", str(count), "--seed", str(seed))
    kind = ["--energy", population.energy, "--shower" if population.shower else "--point"]
    kind += ["--noise-free"] if population.noise_free else []
    return CommandWork.of(
        Step(
            f"{population.name}: simulation ({use})",
            f"Simulates {count} photons, reproducible by the seed.",
            "",
            (*arguments, *kind, *options),
            (path,),
        )
    )
