"""The panels about all outputs of a task together: distances and opening angles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xec_analysis.resolution.digits import with_error
from xec_analysis.resolution.panel_axes import binned_counts, draw_counts, finish_profile, variable_label
from xec_analysis.resolution.profiles import bins_of, errors_of
from xec_analysis.resolution.results import TaskResult
from xec_analysis.resolution.statistics import containment, median
from xec_analysis.style.figures import GREEN, ORANGE, note
from xec_analysis.style.quantities import joint_quantity, quantity, with_unit
from xec_data.tasks.measures import JointMeasure
from xec_models.regressor.metrics import percentile_68

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.gridspec import SubplotSpec


@dataclass(frozen=True)
class Distribution:
    """Distribution of a joint measure with its 68th percentile."""

    joint: JointMeasure
    needs: tuple[str, ...] = ()

    def draw(self, figure: Figure, cell: SubplotSpec, result: TaskResult) -> None:
        ax = figure.add_subplot(cell)
        values = self.joint.function(result.prediction, result.truth)
        unit = joint_quantity(self.joint).residual_unit(percentile_68(values))
        values = values * unit.factor
        percentile = containment(values)
        top = float(np.quantile(values, 0.99)) * 1.2 or 1.0
        counts, edges = binned_counts(values, 0.0, top)
        draw_counts(ax, counts, edges, color=GREEN)
        ax.axvline(percentile.value, color=ORANGE, lw=1.2)
        ax.set(xlim=(0, top), ylim=(0, max(counts.max(), 1.0) * 1.25))
        ax.set_xlabel(with_unit(joint_quantity(self.joint).symbol, unit))
        ax.set_ylabel("events per bin")
        note(ax, f"68 % of events below {with_error(percentile)} {unit.name}\n"
                 f"median {with_error(median(values))} {unit.name}")  # fmt: skip


@dataclass(frozen=True)
class Percentile:
    """68th percentile of a joint measure against a variable."""

    joint: JointMeasure
    variable: str

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.variable,)

    def draw(self, figure: Figure, cell: SubplotSpec, result: TaskResult) -> None:
        ax = figure.add_subplot(cell)
        values = self.joint.function(result.prediction, result.truth)
        unit = joint_quantity(self.joint).residual_unit(percentile_68(values))
        what = quantity(self.variable)
        variable = result.variables[self.variable] * what.unit.factor
        known = np.isfinite(variable)
        variable, values = variable[known], values[known]
        bins = bins_of(variable)
        centre = np.array([np.median(variable[part]) for part in bins])
        low = centre - np.array([variable[part].min() for part in bins])
        high = np.array([variable[part].max() for part in bins]) - centre
        numbers = [containment(values[part]).scaled(unit.factor) for part in bins]
        height, error = np.array([number.value for number in numbers]), errors_of(numbers)
        ax.errorbar(centre, height, error, [low, high], fmt="o", color=GREEN, lw=1.0)
        finish_profile(ax, centre, height + error, variable)
        ax.set_ylabel(with_unit(f"68 % of {joint_quantity(self.joint).symbol}", unit))
        ax.set_xlabel(variable_label(result, self.variable))
