"""The panels about one output of a task: distribution, truth against prediction, dependence on a variable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from xec_analysis.resolution.digits import three_digits
from xec_analysis.resolution.panel_axes import (
    binned_counts,
    draw_cloud,
    draw_core,
    finish_profile,
    padded_range,
    stacked_axes,
    variable_label,
)
from xec_analysis.resolution.profiles import profile
from xec_analysis.resolution.results import TRUTH, TaskResult
from xec_analysis.style.figures import BLUE, GREY, ORANGE, note
from xec_analysis.style.quantities import PERCENT, Unit, quantity, quantity_of, with_unit
from xec_models.regressor.metrics import (
    CONTAINMENT,
    bias,
    core_width,
    half_width_68,
    rms,
    skewness,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.gridspec import SubplotSpec

Floats = NDArray[np.float64]

ENOUGH_FOR_A_CORE = 20


class Panel(Protocol):
    """Something drawn into one cell of a page."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The variables, keys of `TaskResult.variables`, without which the panel cannot be drawn."""

    def draw(self, figure: Figure, cell: SubplotSpec, result: TaskResult) -> None:
        """Draw the panel about `result` into a cell of the figure."""


@dataclass(frozen=True)
class Residuals:
    """Distribution of prediction - truth with its Gaussian core and 68 % width.

    `relative` divides by the truth; `log` shows the tails.
    """

    output: str
    relative: bool = False
    log: bool = False
    needs: tuple[str, ...] = ()

    def draw(self, figure: Figure, cell: SubplotSpec, result: TaskResult) -> None:
        ax = figure.add_subplot(cell)
        residual, unit, label = _scaled_residual(result, self.output, self.relative)
        width, core = half_width_68(residual), core_width(residual)
        middle = float(np.median(residual))
        counts, edges = binned_counts(residual, middle, width, n_widths=12.0 if self.log else 5.0)
        ax.stairs(counts, edges, fill=True, color=BLUE, alpha=0.35, lw=0)
        ax.stairs(counts, edges, color=BLUE, lw=1.0)
        if core > 0 and len(residual) >= ENOUGH_FOR_A_CORE:
            draw_core(ax, residual, core, edges)
        low, high = np.percentile(residual, [50 - CONTAINMENT / 2, 50 + CONTAINMENT / 2])
        ax.axvspan(low, high, color=GREY, alpha=0.18, lw=0, zorder=0)
        ax.set_xlim(edges[0], edges[-1])
        ax.set_xlabel(label)
        ax.set_ylabel("events per bin")
        inside = int(counts.sum())
        outside = len(residual) - inside
        if self.log:
            ax.set_yscale("log")
            ax.set_ylim(0.5, max(counts.max(), 1.0) * 20)
            note(
                ax,
                f"{outside} of {len(residual)} events\noutside the range" if outside else "all events shown",
            )
            return
        ax.set_ylim(0, max(counts.max(), 1.0) * 1.75)
        numbers = {"68 %": width, "core": core, "RMS": rms(residual)}
        lines = (f"{name}: {three_digits(value, like=width)} {unit.name}" for name, value in numbers.items())
        note(ax, "\n".join(lines), x=0.03)
        shift = three_digits(bias(residual), signed=True, like=width)
        skew = three_digits(skewness(residual), signed=True, like=1.0)
        note(ax, f"bias: {shift} {unit.name}\nskewness: {skew}")


@dataclass(frozen=True)
class Density:
    """Prediction against truth."""

    output: str
    needs: tuple[str, ...] = ()

    def draw(self, figure: Figure, cell: SubplotSpec, result: TaskResult) -> None:
        ax = figure.add_subplot(cell)
        what = quantity_of(result.output(self.output))
        truth = result.true(self.output) * what.unit.factor
        prediction = result.predicted(self.output) * what.unit.factor
        low, high = padded_range(np.concatenate([truth, prediction]))
        ax.plot([low, high], [low, high], color=ORANGE, lw=0.9, ls="--", zorder=3)
        draw_cloud(figure, ax, truth, prediction, (low, high), (low, high))
        ax.set(xlim=(low, high), ylim=(low, high))
        if result.reference is not TRUTH and len(result) > 1 and np.ptp(truth) > 0 and np.ptp(prediction) > 0:
            note(ax, f"correlation {np.corrcoef(truth, prediction)[0, 1]:.4f}", x=0.03)
        ax.set_xlabel(with_unit(f"{result.reference.adjective} {what.symbol}", what.unit))
        ax.set_ylabel(with_unit(f"predicted {what.symbol}", what.unit))


@dataclass(frozen=True)
class Against:
    """Bias (above) and 68 % width (below) of an output's residuals against a variable."""

    output: str
    variable: str
    relative: bool = False

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.variable,)

    def draw(self, figure: Figure, cell: SubplotSpec, result: TaskResult) -> None:
        upper, lower = stacked_axes(figure, cell)
        residual, unit, _ = _scaled_residual(result, self.output, self.relative)
        what = quantity(self.variable)
        variable = result.variables[self.variable] * what.unit.factor
        points = profile(variable, residual)
        across = np.array([points.centre - points.low, points.high - points.centre])
        upper.axhline(0.0, color=GREY, lw=0.8, ls="--")
        upper.errorbar(points.centre, points.bias, points.bias_error, across, fmt="o", color=ORANGE, lw=1.0)
        lower.errorbar(points.centre, points.width, points.width_error, across, fmt="s", color=BLUE, lw=1.0)
        reach = float(np.max(np.abs(points.bias) + points.bias_error, initial=0.0))
        upper.set_ylim(-1.25 * max(reach, 1e-12), 1.25 * max(reach, 1e-12))
        finish_profile(lower, points.centre, points.width + points.width_error, variable)
        upper.set_ylabel(with_unit("bias", unit))
        lower.set_ylabel(with_unit("68 % width", unit))
        lower.set_xlabel(variable_label(result, self.variable))


def _scaled_residual(result: TaskResult, output: str, relative: bool) -> tuple[Floats, Unit, str]:
    """Residuals in a unit that suits them, and their label."""
    what = quantity_of(result.output(output))
    residual = result.residual(output)
    if relative:
        share = residual / result.true(output)
        known = result.reference.adjective
        return share * PERCENT.factor, PERCENT, rf"(predicted $-$ {known})/{known} {what.symbol} [%]"
    unit = what.residual_unit(half_width_68(residual))
    label = rf"predicted $-$ {result.reference.adjective} {what.symbol}"
    return residual * unit.factor, unit, with_unit(label, unit)
