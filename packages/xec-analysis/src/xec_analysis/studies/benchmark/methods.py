"""The methods without a network, each of which writes a file of estimates for a set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from xec_analysis.errors import AnalysisError
from xec_analysis.estimators.baselines import fit_baselines
from xec_analysis.estimators.point_fit import fit_point_events
from xec_analysis.likelihood.cramer_rao_bound import cramer_rao_bound
from xec_analysis.studies.benchmark.bounds import BOUND
from xec_analysis.studies.benchmark.commands import Commands, estimates_path
from xec_analysis.studies.benchmark.sets import TASKS_MEASURED, EventSet
from xec_analysis.studies.benchmark.truth import IDENTITY, Floats
from xec_analysis.studies.benchmark.work import Work
from xec_data.reading.chunk import EventChunk
from xec_data.reading.reader import EventReader
from xec_data.schema.branches import SENSOR_BRANCHES
from xec_data.tasks.table import TASKS, truth_branches
from xec_data.writing.tree_writer import TreeWriter
from xec_geometry.support.registry import Registry

_CHUNK = 500

Estimator = Callable[[EventChunk], dict[str, Floats]]
"""Readings of n events to task → (n, outputs)."""


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
    return lambda chunk: cramer_rao_bound(
        chunk["uvwTruth"], chunk["energyTruth"], dead=chunk.get("dead")
    ).by_task()


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


def method_work(method: Method, events: EventSet, commands: Commands) -> Work:
    """Return the work of a method for a set."""
    train, test = commands.train_file(events.population), commands.test_file(events)
    output = estimates_path(events, method.name)

    def run(folder: Path) -> None:
        estimator = method.calibrate(folder / train.step.makes[0])
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
    reader = EventReader(path, (*SENSOR_BRANCHES, *truth), optional=("dead",), chunk_size=_CHUNK)
    with reader, TreeWriter(output) as writer:
        for chunk in reader:
            table = {name: chunk[name] for name in truth}
            for task, values in estimator(chunk).items():
                table |= {f"{columns}{name}": values[:, k] for k, name in enumerate(TASKS[task].output_names)}
            writer.extend(table)
