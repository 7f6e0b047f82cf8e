"""What a network can be asked for: one table of tasks, their outputs, units and truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xec_geometry.errors import did_you_mean
from xec_geometry.support.namespace import ArrayNamespace
from xec_models.errors import ModelError

Direction = Callable[[ArrayNamespace, Any], Any]
"""From numpy or torch and outputs (n, k) to vectors (n, 3) of any length."""


def direction_of_angles(xp: ArrayNamespace, angles: Any) -> Any:
    """Directions of the photon (n, 3) from θ and φ (n, 2) in degrees."""
    radians = xp.deg2rad(angles)
    theta, phi = radians[:, 0], radians[:, 1]
    across = xp.sin(theta)
    return xp.stack([-across * xp.cos(phi), across * xp.sin(phi), xp.cos(theta)], 1)


def direction_of_vectors(_xp: ArrayNamespace, vectors: Any) -> Any:
    """Vectors as they are."""
    return vectors


@dataclass(frozen=True)
class TaskSpec:
    """One quantity that a head predicts.

    Attributes
    ----------
    name
        The task's name in configurations, checkpoints and outputs.
    outputs
        Names of the predicted numbers; files call them ``pred_<output>`` and ``truth_<output>``.
    unit
        Unit of the outputs.
    truth
        Schema branches that hold the true value, columns side by side.
    default_loss, default_beta
        Loss and its parameter unless the configuration says otherwise.
    meaning
        One line for people.
    n_classes
        Number of classes of a classification, 0 for a regression.
    unit_vector
        Whether the outputs are the components of a vector of length 1.
    positive
        Whether the true value is a positive number, so that its logarithm can be learnt.
    direction
        How the outputs become vectors in space, if they are a direction.
    prefix
        What stands before an output in the name of a metric.
    """

    name: str
    outputs: tuple[str, ...]
    unit: str
    truth: tuple[str, ...]
    default_loss: str
    meaning: str
    default_beta: float = 1.0
    n_classes: int = 0
    unit_vector: bool = False
    positive: bool = False
    direction: Direction | None = None
    prefix: str = ""

    @property
    def n_outputs(self) -> int:
        """Number of columns of the prediction (of the probabilities, for a classification)."""
        return self.n_classes or len(self.outputs)


TASKS: dict[str, TaskSpec] = {
    spec.name: spec
    for spec in (
        TaskSpec(
            name="angle",
            outputs=("theta", "phi"),
            unit="deg",
            truth=("emiAng",),
            default_loss="smooth_l1",
            direction=direction_of_angles,
            meaning="emission angles of the photon",
        ),
        TaskSpec(
            name="energy",
            outputs=("energy",),
            unit="GeV",
            truth=("energyTruth",),
            default_loss="l1",
            meaning="energy of the photon",
            positive=True,
        ),
        TaskSpec(
            name="timing",
            outputs=("timing",),
            unit="s",
            truth=("timeTruth",),
            default_loss="l1",
            meaning="time of the first interaction, on the clock of the sensor times",
        ),
        TaskSpec(
            name="uvwFI",
            outputs=("u", "v", "w"),
            unit="cm",
            truth=("uvwTruth",),
            default_loss="mse",
            meaning="position of the first interaction: along the beam, along the inner face, depth",
            prefix="uvw_",
        ),
        TaskSpec(
            name="angleVec",
            outputs=("vx", "vy", "vz"),
            unit="1",
            truth=("emiVec",),
            default_loss="cosine",
            meaning="emission direction of the photon, a unit vector",
            unit_vector=True,
            direction=direction_of_vectors,
        ),
        TaskSpec(
            name="n_gamma",
            outputs=("n_gamma",),
            unit="1",
            truth=("n_gamma",),
            default_loss="cross_entropy",
            meaning="number of photons in the event, 0 to 4: a probability for each",
            n_classes=5,
        ),
    )
}


def task_spec(name: str) -> TaskSpec:
    """The entry of `TASKS` called `name`.

    Raises
    ------
    ModelError
        If there is none; the message offers the nearest name.
    """
    if name not in TASKS:
        raise ModelError(
            f"unknown task '{name}'{did_you_mean(name, TASKS)}; expected one of {', '.join(TASKS)}"
        )
    return TASKS[name]


def task_truth(task: str, arrays: Mapping[str, Any]) -> NDArray[Any]:
    """The true values of a task, as one array.

    Parameters
    ----------
    task
        Name of the task.
    arrays
        Branches by their schema names, (n, ...) each; an `EventChunk` is one.

    Returns
    -------
    ndarray (n, n_outputs)
        One column an output, in the unit of the task, in the type of the branches; for a
        classification one column with the class.

    Raises
    ------
    ModelError
        If a branch is missing or has another number of columns than the task has outputs.
    """
    spec = task_spec(task)
    columns = []
    for branch in spec.truth:
        if branch not in arrays:
            raise ModelError(f"task '{task}' needs the branch '{branch}'{did_you_mean(branch, arrays)}")
        values = np.asarray(arrays[branch])
        columns.append(values.reshape(len(values), -1))
    truth = np.concatenate(columns, axis=1) if len(columns) > 1 else columns[0]
    if truth.shape[1] != len(spec.outputs):
        raise ModelError(
            f"task '{task}': {' and '.join(spec.truth)} has {truth.shape[1]} columns, "
            f"expected {len(spec.outputs)} ({', '.join(spec.outputs)})"
        )
    return truth
