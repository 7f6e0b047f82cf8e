"""The panels about one output of a task: distribution, truth against prediction, dependence on a variable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xec_analysis.metrics.core_fit import best_fit, fit_core
from xec_analysis.resolution.digits import with_error
from xec_analysis.resolution.panel_axes import (
    binned_counts,
    draw_cloud,
    draw_counts,
    draw_fit,
    finish_profile,
    padded_range,
    stacked_axes,
    variable_label,
)
from xec_analysis.resolution.profiles import profile
from xec_analysis.resolution.results import TRUTH, TaskResult
from xec_analysis.resolution.statistics import asymmetry, half_width, mean, spread
from xec_analysis.style.figures import BLUE, GREY, ORANGE, note
from xec_analysis.style.quantities import PERCENT, Unit, quantity, quantity_of, with_unit
from xec_models.regressor.metrics import (
    CONTAINMENT,
    half_width_68,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.gridspec import SubplotSpec

Floats = NDArray[np.float64]

# In 68 % widths: the core alone, and with the tails as far as there are some.
_CORE_REACH, _LARGEST_REACH = 5.0, 15.0


@dataclass(frozen=True)
class Residuals:
    """Distribution of prediction - truth with the fit of its core and its 68 % width.

    `relative` divides by the truth; `log` shows the tails.
    """

    output: str
    relative: bool = False
    log: bool = False
    needs: tuple[str, ...] = ()

    @property
    def weight(self) -> float:
        return 1.0 if self.log else 1.45

    def draw(self, figure: Figure, cell: SubplotSpec, result: TaskResult) -> None:
        ax = figure.add_subplot(cell)
        residual, unit, label = scaled_residual(result, self.output, self.relative)
        width, fit = half_width(residual), best_fit(fit_core(residual))
        low, high = _reach(residual, width.value, _LARGEST_REACH if self.log else _CORE_REACH)
        counts, edges = binned_counts(residual, low, high)
        draw_counts(ax, counts, edges, log=self.log)
        draw_fit(ax, fit, edges)
        low, high = np.percentile(residual, [50 - CONTAINMENT / 2, 50 + CONTAINMENT / 2])
        ax.axvspan(low, high, color=GREY, alpha=0.18, lw=0, zorder=0, label="central 68 %")
        ax.set_xlim(edges[0], edges[-1])
        ax.set_xlabel(label)
        ax.set_ylabel("events per bin")
        outside = len(residual) - int(counts.sum())
        if self.log:
            ax.set_yscale("log")
            ax.set_ylim(0.5, max(counts.max(), 1.0) * 8)
            note(
                ax,
                f"{outside} of {len(residual)} events\noutside the range" if outside else "all events shown",
            )
            return
        ax.set_ylim(0, max(counts.max(), 1.0) * 1.65)
        numbers = {"core σ": fit.sigma, "68 %": width, "RMS": spread(residual)}
        lines = [
            f"{name}: {text} {unit.name}" for name, value in numbers.items() if (text := with_error(value))
        ]
        lines.append(f"bias: {with_error(mean(residual), signed=True)} {unit.name}")
        if skewness := with_error(asymmetry(residual), signed=True):
            lines.append(f"skewness: {skewness}")
        if fit.ndf:
            lines.append(f"χ²/ndf of the fit: {fit.chi2:.0f}/{fit.ndf}")
        note(ax, "\n".join(lines), x=0.02, size=7.5)
        ax.legend(loc="upper right")


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
        residual, unit, _ = scaled_residual(result, self.output, self.relative)
        what = quantity(self.variable)
        variable = result.variables[self.variable] * what.unit.factor
        points = profile(variable, residual)
        upper.axhline(0.0, color=GREY, lw=0.8, ls="--")
        bars: dict[str, Any] = {"fmt": "o", "lw": 1.0}
        upper.errorbar(points.centre, points.bias, points.bias_error, points.across, color=ORANGE, **bars)
        lower.errorbar(points.centre, points.width, points.width_error, points.across, color=BLUE, **bars)
        # A single event has no error.
        reach = float(np.max(np.abs(points.bias) + np.nan_to_num(points.bias_error), initial=0.0))
        upper.set_ylim(-1.25 * max(reach, 1e-12), 1.25 * max(reach, 1e-12))
        finish_profile(lower, points.centre, points.width + points.width_error, variable)
        symbol = quantity_of(result.output(self.output)).symbol
        upper.set_ylabel(with_unit(f"bias\nof {symbol}", unit))
        lower.set_ylabel(with_unit(f"68 % width\nof {symbol}", unit))
        lower.set_xlabel(variable_label(result, self.variable))


def _reach(residual: Floats, width: float, widths: float) -> tuple[float, float]:
    """Ends of an axis: at most so many widths from the median, and not far beyond the last event."""
    middle = float(np.median(residual))
    step = width if width > 0 else max(abs(middle) * 0.01, 0.1)
    least = min(_CORE_REACH, widths) * step
    low = max(min(float(residual.min()) - step, middle - least), middle - widths * step)
    high = min(max(float(residual.max()) + step, middle + least), middle + widths * step)
    return low, high


def scaled_residual(result: TaskResult, output: str, relative: bool) -> tuple[Floats, Unit, str]:
    """Return residuals in a unit that suits them, that unit, and their label.

    Parameters
    ----------
    result
        Predictions and truth.
    output
        One of its outputs.
    relative
        Whether they are divided by the truth.
    """
    what = quantity_of(result.output(output))
    residual = result.residual(output)
    if relative:
        share = residual / result.true(output)
        known = result.reference.adjective
        return share * PERCENT.factor, PERCENT, rf"(predicted $-$ {known})/{known} {what.symbol} [%]"
    unit = what.residual_unit(half_width_68(residual))
    label = rf"predicted $-$ {result.reference.adjective} {what.symbol}"
    return residual * unit.factor, unit, with_unit(label, unit)
