"""The parts that panels are drawn of: histograms, clouds of events, stacked axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xec_analysis.resolution.profiles import typical_range
from xec_analysis.resolution.results import PHOTONS, RUN, TaskResult
from xec_analysis.style.figures import BLUE, DENSITY_MAP, ORANGE, note
from xec_analysis.style.quantities import quantity, with_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.gridspec import SubplotSpec

    from xec_analysis.fitting.line_fit import LineFit

Floats = NDArray[np.float64]

# Below this number of events a scatter plot is clearer than a density.
FEW_EVENTS = 300
_MANY = 200
_LARGE = 1e4
_PLAIN_LABELS = {RUN: "run number", PHOTONS: "photons in all sensors"}


def binned_counts(values: Floats, low: float, high: float) -> tuple[Floats, Floats]:
    """Return counts and edges of a histogram; more events give finer bins."""
    import hist

    bins = int(np.clip(2.5 * len(values) ** 0.45, 12, 90))
    histogram = hist.Hist(hist.axis.Regular(bins, low, high))
    histogram.fill(values)
    return np.asarray(histogram.values(), dtype=np.float64), np.asarray(histogram.axes[0].edges)


def draw_fit(ax: Axes, fit: LineFit, edges: Floats) -> None:
    """Draw a fit of residuals as a curve through a histogram with these edges, inside the fit's window."""
    low, high = max(edges[0], fit.window[0]), min(edges[-1], fit.window[1])
    if not fit.is_good or high <= low:
        return
    fine = np.linspace(low, high, 401)
    per_bin = fit.expected(fine) * (edges[1] - edges[0]) / (fine[1] - fine[0])
    label = f"fit: {fit.model.label}"
    ax.plot((fine[:-1] + fine[1:]) / 2, per_bin, color=ORANGE, lw=1.3, label=label)


def draw_counts(ax: Axes, counts: Floats, edges: Floats, *, color: str = BLUE, log: bool = False) -> None:
    """Draw a histogram of events; on a linear axis with the statistical error of every bin."""
    ax.stairs(counts, edges, fill=True, color=color, alpha=0.3, lw=0)
    if log:
        ax.stairs(counts, edges, color=color, lw=1.0)
        return
    centres, seen = (edges[:-1] + edges[1:]) / 2, counts > 0
    error = np.sqrt(counts[seen])
    ax.errorbar(centres[seen], counts[seen], error, fmt="o", ms=2.5, color=color, lw=0.9, label="events")


def padded_range(values: Floats) -> tuple[float, float]:
    low, high = np.quantile(values, [0.001, 0.999])
    pad = 0.05 * (high - low) or max(abs(high) * 0.05, 0.5)
    return float(low - pad), float(high + pad)


def draw_cloud(
    figure: Figure, ax: Axes, x: Floats, y: Floats, x_range: tuple[float, float], y_range: tuple[float, float]
) -> None:
    """Draw events in a plane: points if they are few, a density otherwise."""
    if len(x) < FEW_EVENTS:
        ax.plot(x, y, "o", color=BLUE, alpha=0.6, ms=3, mew=0)
        return
    import hist
    from matplotlib.colors import LogNorm
    from matplotlib.ticker import LogLocator

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
    # Left to itself, the bar of each panel has ticks of another kind.
    ticks = LogLocator(subs=(1.0, 2.0, 5.0) if counts.max() < _MANY else (1.0,))
    bar = figure.colorbar(mesh, ax=ax, pad=0.02, fraction=0.05, ticks=ticks, format="%.0f")
    bar.minorticks_off()
    bar.set_label("events per cell")


def stacked_axes(figure: Figure, cell: SubplotSpec) -> tuple[Axes, Axes]:
    from matplotlib.ticker import MaxNLocator
    from mpl_toolkits.axes_grid1 import make_axes_locatable

    # A grid would leave a gap between the two, in which their labels do not align.
    lower = figure.add_subplot(cell)
    upper = make_axes_locatable(lower).append_axes("top", size="90%", pad=0.05, sharex=lower)
    upper.tick_params(labelbottom=False)
    for ax in (upper, lower):
        ax.yaxis.set_label_coords(-0.17, 0.5)
        ax.yaxis.set_major_locator(MaxNLocator(4))
    return upper, lower


def variable_label(result: TaskResult, name: str) -> str:
    """Return the label of the axis of a variable; runs and readings are neither true nor reconstructed."""
    what = quantity(name)
    if name in _PLAIN_LABELS:
        return _PLAIN_LABELS[name]
    return with_unit(f"{result.reference.adjective} {what.symbol}", what.unit)


def finish_profile(ax: Axes, centre: Floats, heights: Floats, variable: Floats) -> None:
    """Set the limits of a profile: widths start at zero, and an axis with a single value has a note."""
    from matplotlib.ticker import MaxNLocator

    ax.set_ylim(0, 1.2 * float(np.max(heights, initial=0.0, where=np.isfinite(heights))) or 1.0)
    low, high = typical_range(variable[np.isfinite(variable)])
    low, high = min(low, centre.min()), max(high, centre.max())
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-30):
        low, high = low - max(abs(low) * 0.05, 0.5), high + max(abs(high) * 0.05, 0.5)
        note(ax, "one value only", y=0.08)
    pad = 0.04 * (high - low)
    ax.set_xlim(low - pad, high + pad)
    if high >= _LARGE:
        # Numbers of runs: few and whole, and none as a difference to a power of ten.
        ax.xaxis.set_major_locator(MaxNLocator(2, integer=True))
        ax.ticklabel_format(axis="x", style="plain", useOffset=False)
