"""The methods without a network, each of which writes a file of estimates for a set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from xec_analysis.errors import AnalysisError
from xec_analysis.estimators.baselines import fit_baselines
from xec_analysis.estimators.file_estimates import Estimator, estimate_chunks, smallest_sigma
from xec_analysis.estimators.point_fit import fit_point_events
from xec_analysis.studies.benchmark.bounds import BOUND
from xec_analysis.studies.benchmark.commands import Commands, estimates_path
from xec_analysis.studies.benchmark.sets import TASKS_MEASURED, EventSet
from xec_analysis.studies.benchmark.truth import IDENTITY
from xec_analysis.studies.benchmark.work import Work
from xec_data.schema.branches import SENSOR_BRANCHES
from xec_data.tasks.table import TASKS, truth_branches
from xec_data.writing.tree_writer import TreeWriter
from xec_geometry.support.registry import Registry


@dataclass(frozen=True)
class Method:
    """A reconstruction without a network.

    Attributes
    ----------
    name
        Its name in tables.
    meaning
        What it does, a few words.
    calibrate
        From the file of training events to the estimator.
    suits
        Whether it makes sense for a set.
    columns
        What its numbers are: ``pred_`` estimates, or ``sigma_`` standard deviations of estimates.
    """

    name: str
    meaning: str
    calibrate: Callable[[Path], Estimator]
    suits: Callable[[EventSet], bool] = lambda _: True
    columns: str = "pred_"


def _baselines(recipe: str, path: Path) -> Estimator:
    return fit_baselines(path, recipe).predict


def _point_fit(_: Path) -> Estimator:
    return fit_point_events


def _bound(_: Path) -> Estimator:
    return smallest_sigma


def _of_points(events: EventSet) -> bool:
    return not events.population.shower


METHODS = Registry(
    "method",
    (
        Method(
            "simple",
            "charge-weighted position, summed photons, first times",
            partial(_baselines, "simple"),
        ),
        Method(
            "refined",
            "a window around the light, photons scaled to the walls, mean of all times",
            partial(_baselines, "refined"),
        ),
        Method(
            "likelihood",
            "maximum-likelihood fit of a point to all counts and times",
            _point_fit,
            _of_points,
        ),
    ),
    error=AnalysisError,
)
"""The methods, in the order of the tables, after the network."""

CRAMER_RAO = Method(BOUND, "what no unbiased estimate can be better than", _bound, _of_points, "sigma_")
"""The bound, which is no method but is computed and kept like one."""


def meanings(names: Iterable[str]) -> str:
    """Return a sentence about each of some methods, the bound included; nothing about other names."""
    known = [*METHODS.values(), CRAMER_RAO]
    wanted = set(names)
    return " ".join(f"{method.name}: {method.meaning}." for method in known if method.name in wanted)


def method_works(sets: Sequence[EventSet], commands: Commands) -> list[Work]:
    """Return the work of all methods for some sets; a method is calibrated once for each population."""

    @cache
    def calibrated(method: Method, path: Path) -> Estimator:
        return method.calibrate(path)

    return [
        _method_work(method, events, commands, calibrated)
        for events in sets
        for method in (*METHODS.values(), CRAMER_RAO)
        if method.suits(events)
    ]


def _method_work(
    method: Method, events: EventSet, commands: Commands, calibrated: Callable[[Method, Path], Estimator]
) -> Work:
    train, test = commands.train_file(events.population), commands.test_file(events)
    output = estimates_path(events, method.name)

    def run(folder: Path) -> None:
        estimator = calibrated(method, folder / train.step.makes[0])
        write_estimates(estimator, folder / test.step.makes[0], folder / output, method.columns)

    name = f"{events.name}: {method.name}"
    return Work(name, (method.name,), (output,), run, (train.work, test.work))


def write_estimates(estimator: Estimator, path: Path, output: Path, columns: str = "pred_") -> None:
    """Run an estimator over the events of a file, and write what it says beside the truth.

    Parameters
    ----------
    estimator
        The estimator.
    path
        The events.
    output
        The file to write.
    columns
        As for `Method`.

    Raises
    ------
    DataError, OutputError
        If a file cannot be read or written.
    """
    truth = (*IDENTITY, *truth_branches(TASKS_MEASURED), "emiVec")
    with TreeWriter(output) as writer:
        for chunk, estimates in estimate_chunks(estimator, path, (*SENSOR_BRANCHES, *truth)):
            table = {name: chunk[name] for name in truth}
            for task, values in estimates.items():
                table |= {f"{columns}{name}": values[:, k] for k, name in enumerate(TASKS[task].output_names)}
            writer.extend(table)
