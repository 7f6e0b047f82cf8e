"""The measures of predictions that metrics of a training have names for, event by event."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from xec_analysis.resolution.confusion import share_of
from xec_analysis.resolution.results import Floats, TaskResult
from xec_analysis.resolution.statistics import Number, containment, half_width
from xec_analysis.style.quantities import PERCENT, Unit, joint_quantity, quantity_of
from xec_data.tasks.output import Output
from xec_data.tasks.task import Task
from xec_models.regressor.metrics import half_width_68, percentile_68


@dataclass(frozen=True)
class Measure:
    """One number about predictions.

    Attributes
    ----------
    name
        What the metrics of a training call it, without ``val/`` before it.
    task
        Its task.
    label
        For plots, without its unit.
    per_event
        What it is computed from: (n,) values of the events of a result.
    width
        From these values to the number.
    with_error
        The same with its statistical error.
    unit
        From the number, in the unit of files, to a unit that suits it.
    rising
        Whether the largest number is the best one.
    """

    name: str
    task: str
    label: str
    per_event: Callable[[TaskResult], Floats]
    width: Callable[[Floats], float]
    with_error: Callable[[Floats], Number]
    unit: Callable[[float], Unit]
    rising: bool = False


def measures_of(task: Task) -> Iterator[Measure]:
    """Yield the measures of a task: widths of its outputs and their joint one, or right classes."""
    if task.n_classes:
        yield Measure(
            task.headline[0],
            task.name,
            f"right {quantity_of(task.outputs[0]).symbol}",
            _is_right,
            lambda right: float(np.mean(right)),
            _share,
            lambda _: PERCENT,
            rising=True,
        )
        return
    for output in task.outputs:
        yield _width_of(task, output)
    if task.joint is not None:
        joint = task.joint
        yield Measure(
            joint.metric,
            task.name,
            f"68 % {joint.symbol}",
            lambda result: np.asarray(joint.function(result.prediction, result.truth), np.float64),
            percentile_68,
            containment,
            joint_quantity(joint).residual_unit,
        )


def _width_of(task: Task, output: Output) -> Measure:
    written = quantity_of(output)
    return Measure(
        f"{task.metric_prefix}{output.name}_res_68pct",
        task.name,
        f"68 % width of {written.symbol}",
        lambda result: result.residual(output.name),
        half_width_68,
        half_width,
        written.residual_unit,
    )


def _is_right(result: TaskResult) -> Floats:
    return np.asarray(result.prediction[:, 0] == result.truth[:, 0], np.float64)


def _share(right: Floats) -> Number:
    share = share_of(right.sum(), len(right))
    return Number(float(share.value), float(share.error))
