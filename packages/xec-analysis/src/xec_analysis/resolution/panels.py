"""The panels of a resolution profile: what can be drawn about residuals, one class each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from xec_analysis.resolution.profiles import bins_of, profile, typical_range
from xec_analysis.resolution.results import TaskResult
from xec_analysis.resolution.table import three_digits
from xec_analysis.style.quantities import PERCENT, Quantity, Unit, quantity, with_unit
from xec_analysis.style.style import BLUE, DENSITY_MAP, GREEN, GREY, ORANGE, note
from xec_data.tasks.measures import distance, opening_angle
from xec_models.regressor.metrics import (
    CONTAINMENT,
    bias,
    core_width,
    half_width_68,
    percentile_68,
    rms,
    skewness,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.gridspec import SubplotSpec

Floats = NDArray[np.float64]

# Below this number of events a scatter plot says more than a density.
FEW_EVENTS = 300
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
        counts, edges = _histogram(residual, middle, width, n_widths=12.0 if self.log else 5.0)
        ax.stairs(counts, edges, fill=True, color=BLUE, alpha=0.35, lw=0)
        ax.stairs(counts, edges, color=BLUE, lw=1.0)
        if core > 0 and len(residual) >= ENOUGH_FOR_A_CORE:
            _draw_core(ax, residual, core, edges)
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
        what = quantity(self.output)
        truth = result.true(self.output) * what.unit.factor
        prediction = result.predicted(self.output) * what.unit.factor
        low, high = _range(np.concatenate([truth, prediction]))
        ax.plot([low, high], [low, high], color=ORANGE, lw=0.9, ls="--", zorder=3)
        _cloud(figure, ax, truth, prediction, (low, high), (low, high))
        ax.set(xlim=(low, high), ylim=(low, high))
        ax.set_xlabel(with_unit(f"true {what.symbol}", what.unit))
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
        upper, lower = _stacked(figure, cell)
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
        _finish_profile(lower, points.centre, points.width + points.width_error, variable)
        upper.set_ylabel(with_unit("bias", unit))
        lower.set_ylabel(with_unit("68 % width", unit))
        lower.set_xlabel(with_unit(f"true {what.symbol}", what.unit))


@dataclass(frozen=True)
class Measure:
    """A number per event that says how far the prediction is off, never negative."""

    name: str
    values: Callable[[TaskResult], Floats]

    @property
    def quantity(self) -> Quantity:
        return quantity(self.name)


def _opening(result: TaskResult) -> Floats:
    return np.asarray(opening_angle(result.prediction, result.truth), dtype=np.float64)


def _distance(result: TaskResult) -> Floats:
    return distance(result.prediction, result.truth)


OPENING_ANGLE = Measure("opening", _opening)
DISTANCE = Measure("distance", _distance)


@dataclass(frozen=True)
class Distribution:
    """Distribution of a measure with its 68th percentile."""

    measure: Measure
    needs: tuple[str, ...] = ()

    def draw(self, figure: Figure, cell: SubplotSpec, result: TaskResult) -> None:
        ax = figure.add_subplot(cell)
        values = self.measure.values(result)
        unit = self.measure.quantity.residual_unit(percentile_68(values))
        values = values * unit.factor
        percentile = percentile_68(values)
        top = float(np.quantile(values, 0.99)) * 1.2 or 1.0
        counts, edges = _histogram(values, top / 2, top / 10, n_widths=5.0)
        ax.stairs(counts, edges, fill=True, color=GREEN, alpha=0.35, lw=0)
        ax.stairs(counts, edges, color=GREEN, lw=1.0)
        ax.axvline(percentile, color=ORANGE, lw=1.2)
        ax.set(xlim=(0, top), ylim=(0, max(counts.max(), 1.0) * 1.25))
        ax.set_xlabel(with_unit(self.measure.quantity.symbol, unit))
        ax.set_ylabel("events per bin")
        note(ax, f"68 % of events below {three_digits(percentile)} {unit.name}\n"
                 f"median {three_digits(float(np.median(values)))} {unit.name}")  # fmt: skip


@dataclass(frozen=True)
class Percentile:
    """68th percentile of a measure against a variable."""

    measure: Measure
    variable: str

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.variable,)

    def draw(self, figure: Figure, cell: SubplotSpec, result: TaskResult) -> None:
        ax = figure.add_subplot(cell)
        values = self.measure.values(result)
        unit = self.measure.quantity.residual_unit(percentile_68(values))
        what = quantity(self.variable)
        variable = result.variables[self.variable] * what.unit.factor
        known = np.isfinite(variable)
        variable, values = variable[known], values[known]
        bins = bins_of(variable)
        centre = np.array([np.median(variable[part]) for part in bins])
        low = centre - np.array([variable[part].min() for part in bins])
        high = np.array([variable[part].max() for part in bins]) - centre
        height = np.array([percentile_68(values[part]) for part in bins]) * unit.factor
        ax.errorbar(centre, height, None, [low, high], fmt="s", color=GREEN, lw=1.0)
        _finish_profile(ax, centre, height, variable)
        ax.set_ylabel(with_unit(f"68th percentile of {self.measure.quantity.symbol}", unit))
        ax.set_xlabel(with_unit(f"true {what.symbol}", what.unit))


@dataclass(frozen=True)
class Confusion:
    """How often each class is taken for which."""

    output: str
    needs: tuple[str, ...] = ()

    def draw(self, figure: Figure, cell: SubplotSpec, result: TaskResult) -> None:
        ax = figure.add_subplot(cell)
        truth, prediction = (
            np.rint(x).astype(int) for x in (result.true(self.output), result.predicted(self.output))
        )
        n = int(max(truth.max(), prediction.max())) + 1
        matrix = np.zeros((n, n), dtype=int)
        np.add.at(matrix, (truth, prediction), 1)
        share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
        ax.imshow(share, cmap="Blues", vmin=0, vmax=1, origin="lower")
        for (row, column), value in np.ndenumerate(matrix):
            if value == 0:
                continue
            colour = "white" if share[row, column] > 0.6 else "black"
            ax.text(column, row, f"{share[row, column]:.0%}\n{value}", ha="center", va="center", color=colour)
        ax.set(xticks=range(n), yticks=range(n))
        ax.set_xlabel(f"predicted {quantity(self.output).symbol}")
        ax.set_ylabel(f"true {quantity(self.output).symbol}")
        ax.set_title(f"{np.mean(truth == prediction):.1%} of the events right; rows add up to 100 %")


def _scaled_residual(result: TaskResult, output: str, relative: bool) -> tuple[Floats, Unit, str]:
    """Residuals in a unit that suits them, and their label."""
    what = quantity(output)
    residual = result.residual(output)
    if relative:
        share = residual / result.true(output)
        return share * PERCENT.factor, PERCENT, rf"(predicted $-$ true)/true {what.symbol} [%]"
    unit = what.residual_unit(half_width_68(residual))
    return residual * unit.factor, unit, with_unit(rf"predicted $-$ true {what.symbol}", unit)


def _histogram(values: Floats, middle: float, width: float, n_widths: float) -> tuple[Floats, Floats]:
    """Counts and edges within `n_widths` widths of the middle, with bins that suit the number of events."""
    import hist

    reach = n_widths * width if width > 0 else max(abs(middle) * 0.05, 0.5)
    bins = int(np.clip(2.5 * len(values) ** 0.45, 12, 90))
    histogram = hist.Hist(hist.axis.Regular(bins, middle - reach, middle + reach))
    histogram.fill(values)
    return np.asarray(histogram.values(), dtype=np.float64), np.asarray(histogram.axes[0].edges)


def _draw_core(ax: Axes, residual: Floats, core: float, edges: Floats) -> None:
    """The Gaussian core: as wide as `core`, centred and as high as the events within two widths say."""
    middle = float(np.median(residual))
    near = residual[np.abs(residual - middle) < 2 * core]
    if len(near) == 0:
        return
    x = np.linspace(edges[0], edges[-1], 400)
    gauss = np.exp(-0.5 * ((x - near.mean()) / core) ** 2) / (core * np.sqrt(2 * np.pi))
    # Of a Gaussian, 95.45 % lie within two standard deviations.
    ax.plot(x, gauss * len(near) / 0.9545 * (edges[1] - edges[0]), color=ORANGE, lw=1.3)


def _range(values: Floats) -> tuple[float, float]:
    low, high = np.quantile(values, [0.001, 0.999])
    pad = 0.05 * (high - low) or max(abs(high) * 0.05, 0.5)
    return float(low - pad), float(high + pad)


def _cloud(
    figure: Figure, ax: Axes, x: Floats, y: Floats, x_range: tuple[float, float], y_range: tuple[float, float]
) -> None:
    """Events in a plane: points if they are few, a density otherwise."""
    if len(x) < FEW_EVENTS:
        ax.plot(x, y, "o", color=BLUE, alpha=0.6, ms=3, mew=0)
        return
    import hist
    from matplotlib.colors import LogNorm

    bins = int(np.clip(len(x) ** 0.45, 30, 120))
    histogram = hist.Hist(hist.axis.Regular(bins, *x_range), hist.axis.Regular(bins, *y_range))
    histogram.fill(x, y)
    counts = np.asarray(histogram.values())
    mesh = ax.pcolormesh(
        histogram.axes[0].edges,
        histogram.axes[1].edges,
        np.where(counts > 0, counts, np.nan).T,
        cmap=DENSITY_MAP,
        norm=LogNorm(1, max(counts.max(), 2)),
        rasterized=True,
    )
    bar = figure.colorbar(mesh, ax=ax, pad=0.02, fraction=0.05)
    bar.ax.tick_params(labelsize=7)
    bar.ax.set_title("events", fontsize=7)


def _stacked(figure: Figure, cell: SubplotSpec) -> tuple[Axes, Axes]:
    from matplotlib.ticker import MaxNLocator
    from mpl_toolkits.axes_grid1 import make_axes_locatable  # type: ignore[import-untyped]

    # A grid would leave a gap between the two, in which their labels do not align.
    lower = figure.add_subplot(cell)
    upper = make_axes_locatable(lower).append_axes("top", size="90%", pad=0.05, sharex=lower)
    upper.tick_params(labelbottom=False)
    for ax in (upper, lower):
        ax.yaxis.set_label_coords(-0.17, 0.5)
        ax.yaxis.set_major_locator(MaxNLocator(4))
    return upper, lower


def _finish_profile(ax: Axes, centre: Floats, heights: Floats, variable: Floats) -> None:
    """A width starts at zero; an axis of a single value says so."""
    ax.set_ylim(0, 1.2 * float(np.max(heights, initial=0.0)) or 1.0)
    low, high = typical_range(variable[np.isfinite(variable)])
    low, high = min(low, centre.min()), max(high, centre.max())
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-30):
        low, high = low - max(abs(low) * 0.05, 0.5), high + max(abs(high) * 0.05, 0.5)
        note(ax, "one value only", y=0.08)
    pad = 0.04 * (high - low)
    ax.set_xlim(low - pad, high + pad)
