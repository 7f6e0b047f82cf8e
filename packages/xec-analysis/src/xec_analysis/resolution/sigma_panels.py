"""The panels about predicted uncertainties: pulls, and predicted σ against the observed width."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xec_analysis.resolution.digits import with_error
from xec_analysis.resolution.panel_axes import binned_counts, draw_counts
from xec_analysis.resolution.profiles import errors_of
from xec_analysis.resolution.results import TaskResult
from xec_analysis.resolution.statistics import half_width, mean, pull_width
from xec_analysis.style.figures import BLUE, GREY, ORANGE, note
from xec_analysis.style.quantities import quantity_of, with_unit
from xec_models.regressor.metrics import GAUSSIAN_HALF_WIDTH, half_width_68
from xec_models.regressor.predictions import SIGMA

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.gridspec import SubplotSpec

Floats = NDArray[np.float64]

_REACH = 5.0
_EVENTS_PER_POINT, _MOST_POINTS = 40, 12
_SAME_SIGMA = 0.02


@dataclass(frozen=True)
class Pull:
    """Distribution of residual / predicted σ beside a Gaussian of width one."""

    output: str

    @property
    def needs(self) -> tuple[str, ...]:
        return (f"{SIGMA}{self.output}",)

    def draw(self, figure: Figure, cell: SubplotSpec, result: TaskResult) -> None:
        ax = figure.add_subplot(cell)
        residual, sigma = _judged(result, self.output)
        pull = residual / sigma
        counts, edges = binned_counts(pull, -_REACH, _REACH)
        draw_counts(ax, counts, edges)
        x = np.linspace(-_REACH, _REACH, 300)
        expected = len(pull) * (edges[1] - edges[0]) * np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
        ax.plot(x, expected, color=ORANGE, ls="--", label="σ as predicted")
        ax.set(xlim=(-_REACH, _REACH), ylim=(0, 1.65 * max(counts.max(initial=1.0), expected.max())))
        symbol = quantity_of(result.output(self.output)).symbol
        ax.set_xlabel(rf"pull of {symbol}: (predicted $-$ {result.reference.adjective}) / $\sigma$")
        ax.set_ylabel("events per bin")
        outside = int((np.abs(pull) > _REACH).sum())
        if len(pull):
            lines = [f"width: {with_error(pull_width(residual, sigma))}"]
            lines += [f"mean: {with_error(mean(pull), signed=True)}", f"beyond ±5: {outside}"]
            note(ax, "\n".join(lines), x=0.03)
        ax.legend(loc="upper right")


@dataclass(frozen=True)
class SigmaCalibration:
    """Observed width of the residuals against the predicted σ, in bins with equally many events."""

    output: str

    @property
    def needs(self) -> tuple[str, ...]:
        return (f"{SIGMA}{self.output}",)

    def draw(self, figure: Figure, cell: SubplotSpec, result: TaskResult) -> None:
        ax = figure.add_subplot(cell)
        residual, sigma = _judged(result, self.output)
        what = quantity_of(result.output(self.output))
        unit = what.residual_unit(half_width_68(residual))
        parts = _equal_parts(sigma)
        scaled = sigma * unit.factor
        centre = np.array([np.median(scaled[part]) for part in parts])
        below = centre - np.array([scaled[part].min() for part in parts])
        above = np.array([scaled[part].max() for part in parts]) - centre
        widths = [half_width(residual[part]).scaled(unit.factor / GAUSSIAN_HALF_WIDTH) for part in parts]
        width, error = np.array([number.value for number in widths]), errors_of(widths)
        ax.errorbar(centre, width, error, [below, above], fmt="o", color=BLUE, lw=1.0)
        low = 0.85 * min(np.min(centre, initial=np.inf), np.min(width - error, initial=np.inf))
        high = 1.15 * max(np.max(centre, initial=0.0), np.max(width + error, initial=0.0))
        low, high = (max(low, 0.0), high) if np.isfinite(low) and high > 0 else (0.0, 1.0)
        ax.plot([low, high], [low, high], color=GREY, lw=0.9, ls="--", label="observed = predicted")
        ax.set(xlim=(low, high), ylim=(low, high))
        ax.set_xlabel(with_unit(rf"predicted $\sigma$ of {what.symbol}", unit))
        ax.set_ylabel(with_unit(rf"observed $\sigma$ of {what.symbol}", unit))
        ax.legend(loc="upper left")


def _equal_parts(sigma: Floats) -> list[NDArray[np.int64]]:
    """Sort events into bins of σ with equally many; a σ that hardly varies has one."""
    if not len(sigma):
        return []
    low, middle, high = np.percentile(sigma, [2, 50, 98])
    most = _MOST_POINTS if high - low > _SAME_SIGMA * middle else 1
    n_parts = int(np.clip(len(sigma) // _EVENTS_PER_POINT, 1, most))
    return np.array_split(np.argsort(sigma, kind="stable"), n_parts)


def _judged(result: TaskResult, output: str) -> tuple[Floats, Floats]:
    """Residuals and predicted σ of the events where σ is one."""
    residual, sigma = result.residual(output), result.variables[f"{SIGMA}{output}"]
    usable = np.isfinite(sigma) & (sigma > 0)
    return residual[usable], sigma[usable]
