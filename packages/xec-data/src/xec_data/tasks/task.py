"""A task: one quantity of an event that a network can learn."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xec_data.errors import DataError
from xec_data.schema.branches import SCHEMA
from xec_data.tasks.anchors import Anchor
from xec_data.tasks.directions import Direction
from xec_data.tasks.measures import JointMeasure
from xec_data.tasks.output import Output, require_plain_name
from xec_geometry.errors import did_you_mean
from xec_geometry.support.text import first_line

Arrays = Mapping[str, Any]
"""Branches by their schema names, (n, …) each; an `EventChunk` is one."""


@dataclass(frozen=True)
class Truth:
    """The true value of a task.

    Attributes
    ----------
    branches
        Branches of the schema that it is made of.
    function
        ``(arrays) → (n, n_outputs)``, vectorized over events; None: the branches side by side.
    """

    branches: tuple[str, ...]
    function: Callable[[Arrays], NDArray[Any]] | None = None

    def __str__(self) -> str:
        return " and ".join(self.branches)


@dataclass(frozen=True)
class Task:
    """One quantity of an event that a network can learn.

    Attributes
    ----------
    name
        Its name in configurations, checkpoints and outputs.
    meaning
        One line for people.
    outputs
        The numbers that are predicted; one, the class, for a classification.
    truth
        Where the true values come from.
    default_loss, default_beta
        Loss, and the parameter of that loss, unless the configuration says otherwise.
    title
        The heading of its plots; by default the name.
    n_classes
        Number of classes of a classification, 0 for a regression.
    positive
        Whether the true value is a positive number, so that its logarithm and relative losses make sense.
    direction
        How the outputs become vectors in space, if they are a direction.
    unit_vector
        Whether the outputs are the components of a vector of length 1.
    needs_times
        Whether it makes no sense without a single valid time of a sensor.
    metric_prefix
        Put before the names of outputs in names of metrics.
    joint
        The measure of all outputs together.
    conventional
        Branches of the conventional reconstruction that hold the same quantity in real data.
    anchor
        The same quantity from a conventional reconstruction inside the network, which then learns the
        residual: of the logarithm if the value is positive. None: the network learns the value itself.
    enabled_by_default
        Whether a new configuration learns it.
    """

    name: str
    meaning: str
    outputs: tuple[Output, ...]
    truth: Truth
    default_loss: str
    default_beta: float = 1.0
    title: str = ""
    n_classes: int = 0
    positive: bool = False
    direction: Direction | None = None
    unit_vector: bool = False
    needs_times: bool = False
    metric_prefix: str = ""
    joint: JointMeasure | None = None
    conventional: Truth | None = None
    anchor: Anchor | None = None
    enabled_by_default: bool = False

    def __post_init__(self) -> None:
        require_plain_name("task", self.name)
        names = [output.name for output in self.outputs]
        if not names or len(set(names)) < len(names):
            raise DataError(f"task '{self.name}': outputs {names}, expected at least one, each name once")
        if self.n_classes and (self.n_classes < 2 or len(names) > 1):
            raise DataError(
                f"task '{self.name}': {self.n_classes} classes and {len(names)} outputs, "
                f"expected at least two classes and one output, the class"
            )
        if not self.truth.branches:
            raise DataError(f"task '{self.name}': its truth has no branches, expected at least one")
        for branch in self.truth.branches:
            if branch not in SCHEMA:
                raise DataError(
                    f"task '{self.name}': its truth needs the branch '{branch}', which the schema does not "
                    f"have{did_you_mean(branch, SCHEMA)}"
                )
        if self.truth.function is None:
            self._require_columns(sum(SCHEMA[branch].size for branch in self.truth.branches))

    @property
    def n_outputs(self) -> int:
        """Number of columns of the prediction (of the probabilities, for a classification)."""
        return self.n_classes or len(self.outputs)

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs."""
        return tuple(output.name for output in self.outputs)

    @property
    def units(self) -> tuple[str, ...]:
        """Units of the outputs."""
        return tuple(output.unit for output in self.outputs)

    @property
    def unit(self) -> str:
        """The common unit of the outputs; several are listed, in the order of the outputs."""
        return self.units[0] if len(set(self.units)) == 1 else ", ".join(self.units)

    @property
    def headline(self) -> tuple[str, str]:
        """Name and unit of the one metric that tells how good the predictions are."""
        if self.n_classes:
            return f"{self.output_names[0]}_accuracy", ""
        if self.joint is not None:
            return self.joint.metric, self.joint.unit
        unit = self.units[0]
        return f"{self.metric_prefix}{self.output_names[0]}_res_68pct", "" if unit == "1" else unit

    def true_values(self, arrays: Arrays) -> NDArray[Any]:
        """Collect the true values of events.

        Parameters
        ----------
        arrays
            Branches by their schema names, (n, …) each.

        Returns
        -------
        ndarray (n, n_outputs)
            One column an output, in its unit, in the type of the branches; for a classification one column
            with the class.

        Raises
        ------
        DataError
            If a branch is missing, the function of the truth fails, or its numbers of events and columns
            are not those of the branches and the outputs.
        """
        for branch in self.truth.branches:
            if branch not in arrays:
                hint = did_you_mean(branch, arrays)
                raise DataError(f"task '{self.name}' needs the branch '{branch}'{hint}")
        if self.truth.function is not None:
            truth = self._derived(self.truth.function, arrays)
        else:
            columns = [np.asarray(arrays[branch]) for branch in self.truth.branches]
            columns = [values.reshape(len(values), -1) for values in columns]
            truth = np.concatenate(columns, axis=1) if len(columns) > 1 else columns[0]
        self._require_columns(truth.shape[1])
        return truth

    def _require_columns(self, found: int) -> None:
        if found != len(self.outputs):
            raise DataError(
                f"task '{self.name}': {self.truth} has {found} columns, "
                f"expected {len(self.outputs)} ({', '.join(self.output_names)})"
            )

    def _derived(self, function: Callable[[Arrays], NDArray[Any]], arrays: Arrays) -> NDArray[Any]:
        try:
            truth = np.asarray(function(arrays))
        except Exception as error:
            raise DataError(
                f"task '{self.name}': the function of its truth fails: "
                f"{type(error).__name__}: {first_line(error)}"
            ) from error
        n_events = len(arrays[self.truth.branches[0]])
        if truth.dtype.kind not in "biuf" or truth.shape[:1] != (n_events,):
            raise DataError(
                f"task '{self.name}': the function of its truth gives {truth.dtype} of shape {truth.shape}, "
                f"expected numbers of shape ({n_events}, {len(self.outputs)})"
            )
        return truth.reshape(n_events, math.prod(truth.shape[1:]))
