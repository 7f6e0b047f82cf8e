"""The panels about an output whose residual is a share of the truth: response and relative resolution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xec_analysis.calibration.energy_dependence import fit_resolution_curve
from xec_analysis.resolution.digits import with_error
from xec_analysis.resolution.panel_axes import draw_cloud, finish_profile, padded_range, variable_label
from xec_analysis.resolution.profiles import Profile, profile
from xec_analysis.resolution.results import TaskResult
from xec_analysis.resolution.statistics import Number
from xec_analysis.style.figures import BLUE, GREY, ORANGE, note
from xec_analysis.style.quantities import PERCENT, quantity_of
from xec_models.regressor.metrics import GAUSSIAN_HALF_WIDTH

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.gridspec import SubplotSpec

# A curve through fewer points says nothing.
_FEWEST_POINTS = 4


@dataclass(frozen=True)
class Response:
    """Prediction over truth against the truth, with the mean of every bin."""

    output: str
    needs: tuple[str, ...] = ()

    def draw(self, figure: Figure, cell: SubplotSpec, result: TaskResult) -> None:
        ax = figure.add_subplot(cell)
        what = quantity_of(result.output(self.output))
        truth = result.true(self.output)
        response = result.predicted(self.output) / truth
        usable = np.isfinite(response)
        x, y = truth[usable] * what.unit.factor, response[usable]
        points = profile(x, y)
        ax.axhline(1.0, color=GREY, lw=0.8, ls="--")
        draw_cloud(figure, ax, x, y, padded_range(x), padded_range(y))
        bars: dict[str, Any] = {"fmt": "o", "color": ORANGE, "lw": 1.2, "zorder": 4, "label": "mean"}
        ax.errorbar(points.centre, points.bias, points.bias_error, points.across, **bars)
        ax.set(xlim=padded_range(x), ylim=padded_range(y))
        ax.set_xlabel(variable_label(result, self.output))
        ax.set_ylabel(f"response: predicted / {result.reference.adjective} {what.symbol}")
        ax.legend(loc="upper right")


@dataclass(frozen=True)
class RelativeWidth:
    """σ over the truth against the truth, with the curve a ⊕ b/√E ⊕ c/E of an energy."""

    output: str
    needs: tuple[str, ...] = ()

    def draw(self, figure: Figure, cell: SubplotSpec, result: TaskResult) -> None:
        ax = figure.add_subplot(cell)
        what = quantity_of(result.output(self.output))
        truth = result.true(self.output)
        points = profile(truth, result.residual(self.output) / truth)
        scale, factor = PERCENT.factor / GAUSSIAN_HALF_WIDTH, what.unit.factor
        x, width, error = points.centre * factor, points.width * scale, points.width_error * scale
        bars: dict[str, Any] = {"fmt": "o", "color": BLUE, "lw": 1.2}
        label = f"half of the central 68 % / {GAUSSIAN_HALF_WIDTH:.3f}"
        ax.errorbar(x, width, error, points.across * factor, label=label, **bars)
        finish_profile(ax, x, width + error, truth * factor)
        _draw_curve(ax, points, factor)
        ax.set_xlabel(variable_label(result, self.output))
        ax.set_ylabel(rf"$\sigma$ / {result.reference.adjective} {what.symbol} [{PERCENT.name}]")
        ax.legend(loc="lower left")


def _draw_curve(ax: Axes, points: Profile, factor: float) -> None:
    good = (points.width > 0) & (points.width_error > 0) & (points.centre > 0)
    if good.sum() < _FEWEST_POINTS:
        return
    energy = points.centre[good]
    pairs = zip(points.width[good], points.width_error[good], strict=True)
    curve = fit_resolution_curve(energy, [Number(*pair).scaled(1 / GAUSSIAN_HALF_WIDTH) for pair in pairs])
    if curve is None:
        return
    x = np.linspace(energy.min(), energy.max(), 200)
    ax.plot(x * factor, curve(x) * PERCENT.factor, color=ORANGE, label=f"$\\sigma$/E = {curve.formula}")
    # A term without an error is at its bound.
    lines = [
        f"{term.symbol} = {with_error(number.scaled(term.factor)) if number.error else 0} {term.unit}"
        for term, number in zip(curve.terms, curve.coefficients, strict=True)
    ]
    note(ax, "\n".join([*lines, f"χ²/ndf = {curve.chi2:.1f}/{curve.ndf}"]))
