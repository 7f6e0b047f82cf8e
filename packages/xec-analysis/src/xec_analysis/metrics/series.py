"""The series of a task: residuals, pulls and joint measures, in units that are the same for all runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xec_analysis.metrics.content import Kind
from xec_analysis.resolution.results import TaskResult
from xec_analysis.style.quantities import PERCENT, Unit, joint_quantity, quantity_of
from xec_models.regressor.predictions import SIGMA

Floats = NDArray[np.float64]

_PURE = Unit("", 1.0)


@dataclass(frozen=True)
class RawSeries:
    """The values of one quantity.

    Attributes
    ----------
    quantity, kind, unit
        As in `Series`.
    values
        (n,) one for each event of the task, in `unit`; NaN where there is none.
    """

    quantity: str
    kind: Kind
    unit: str
    values: Floats


def series_of(result: TaskResult) -> Iterator[RawSeries]:
    """Yield the series of a task.

    Residuals and joint measures are in the smallest unit in which they are ever shown, which is the same for
    all runs: mm, MeV, ps, deg.
    """
    spec = result.spec
    if spec.n_classes:
        name = spec.output_names[0]
        right = (result.predicted(name) == result.true(name)).astype(np.float64)
        yield RawSeries(name, "class", PERCENT.name, right * PERCENT.factor)
        return
    for output in spec.outputs:
        residual, unit = result.residual(output.name), quantity_of(output).units.residuals[0]
        yield RawSeries(output.name, "residual", unit.name, residual * unit.factor)
        if output.residual == "ratio":
            true = result.true(output.name)
            share = np.divide(residual, true, out=np.full(len(true), np.nan), where=true != 0)
            yield RawSeries(output.name, "relative", PERCENT.name, share * PERCENT.factor)
        if (sigma := result.variables.get(f"{SIGMA}{output.name}")) is not None:
            pull = np.divide(residual, sigma, out=np.full(len(sigma), np.nan), where=sigma > 0)
            yield RawSeries(output.name, "pull", _PURE.name, pull)
    if spec.joint is not None:
        unit = joint_quantity(spec.joint).units.residuals[0]
        values = spec.joint.function(result.prediction, result.truth)
        yield RawSeries(spec.joint.name, "joint", unit.name, values * unit.factor)
