"""Plots of the errors of estimated sensors: distributions per face, and widths against npho."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xec_analysis.estimators.network_comparison import NETWORK
from xec_analysis.inpainting.hidden_readings import HiddenReadings
from xec_analysis.inpainting.numbers import MEASURES_WITH_ERRORS
from xec_analysis.resolution.digits import with_error
from xec_analysis.resolution.panel_axes import binned_counts, draw_counts
from xec_analysis.resolution.profiles import errors_of
from xec_analysis.resolution.statistics import half_width, mean, root_mean_square
from xec_analysis.style.figures import CYCLE, GREY, new_slide, note
from xec_data.simulation.constants import RESPONSES
from xec_geometry import FACES, face_of_sensor
from xec_geometry.detector.faces import FACE_TABLE
from xec_geometry.support.text import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

# Perfect estimates have no place on a logarithmic axis.
SMALLEST = 1e-2

_BINS_PER_DECADE = 4
_FEWEST = 30
_LARGEST_BIAS = 150.0
_BESIDE = 1.03
_STEPS = 400
_COLUMNS_AT_FOOT = 3
# Characters of a name inside a panel; the legend has all of it.
ROOM = 14


def colours_of(names: Sequence[str]) -> dict[str, str]:
    """Assign colours: the first to the network, the others to estimators, with or without a network."""
    others = (name for name in names if name != NETWORK)
    return {NETWORK: CYCLE[0], **dict(zip(others, CYCLE[1:], strict=False))}


def error_page(
    errors: Mapping[str, Floats], sensor: NDArray[np.int64], unit: str, title: str, subtitle: str
) -> Figure:
    """Draw how large errors are, a panel for each face.

    One method has the distribution of its errors; of several the shares of sensors with larger errors are
    compared, which leave nothing outside of the axes and do not cover each other.

    Parameters
    ----------
    errors
        Method to (n,) estimate − truth.
    sensor
        (n,) ids of the sensors.
    unit
        Of the errors.
    title, subtitle
        For the header.
    """
    figure = new_slide(title, subtitle)
    colours = colours_of(list(errors))
    face = face_of_sensor()[sensor]
    axes = figure.subplots(2, 3).ravel()
    for k, (name, ax) in enumerate(zip(FACES, axes, strict=True)):
        part = face == k
        ax.set_title(f"{FACE_TABLE[name].title}: {int(part.sum())} hidden sensors")
        of_face = {by: error[part] for by, error in errors.items()}
        if not part.any():
            ax.set(xticks=(), yticks=())
        elif len(errors) > 1:
            draw_larger_errors(ax, of_face, colours, smallest=SMALLEST)
            lines = [
                f"{shortened(by, ROOM)}: {with_error(root_mean_square(error))}"
                for by, error in of_face.items()
            ]
            note(ax, "\n".join([f"RMSE [{unit}]", *lines]), x=0.03, y=0.04, size=7.5)
            ax.set_xlabel(f"|estimate $-$ truth| [{unit}]")
            ax.set_ylabel("share of sensors with more")
        else:
            _draw_distribution(ax, next(iter(of_face.values())), unit)
    if len(errors) > 1:
        legend_in_header(figure, next(ax for ax in axes if ax.get_legend_handles_labels()[0]))
    return figure


def draw_larger_errors(
    ax: Axes, errors: Mapping[str, Floats], colours: Mapping[str, str], *, smallest: float
) -> None:
    """Draw the share of errors that are larger than a size, with its statistical error, against the size.

    Parameters
    ----------
    ax
        The axes, which become logarithmic.
    errors
        Method to (n,) errors, the same number for all.
    colours
        Of the methods.
    smallest
        A size below which nothing is distinguished.
    """
    n = len(next(iter(errors.values())))
    share = (n - np.arange(n)) / n
    spread_of_share = np.sqrt(share * (1 - share) / n)
    sizes = {by: np.sort(np.maximum(np.abs(error), smallest)) for by, error in errors.items()}
    for by, size in sizes.items():
        # A curve of a million steps looks like one of a few hundred.
        shown = np.unique(np.round(n * (1 - np.geomspace(1 / n, 1, _STEPS))).astype(np.int64).clip(0, n - 1))
        x, y, error = size[shown], share[shown], spread_of_share[shown]
        ax.plot(x, y, color=colours[by], lw=1.4, label=by)
        ax.fill_between(x, np.maximum(y - error, 0.1 / n), y + error, color=colours[by], alpha=0.25, lw=0)
    ax.set_xscale("log")
    ax.set_yscale("log")
    largest = max(size[-1] for size in sizes.values())
    least = min(np.quantile(size, 0.05) for size in sizes.values())
    ax.set_xlim(max(least, smallest), 1.3 * max(largest, 2 * smallest))
    ax.set_ylim(0.5 / n, 1.6)


def _draw_distribution(ax: Axes, error: Floats, unit: str) -> None:
    reach = min(3.0 * half_width(error, 95.0).value or 1.0, 1.05 * float(np.abs(error).max()) or 1.0)
    counts, edges = binned_counts(error, -reach, reach)
    draw_counts(ax, counts, edges, log=True)
    # In this order, because a logarithmic axis cannot find its limits in a histogram without entries.
    ax.set(xlim=(-reach, reach), ylim=(0.7, 60 * max(counts.max(), 1.0)))
    ax.set_yscale("log")
    ax.axvline(0.0, color=GREY, lw=0.7, ls="--", zorder=0)
    outside = float(np.mean(np.abs(error) > reach))
    note(ax, f"outside the range:\n{100 * outside:.1f} %", x=0.03, size=7.5)
    lines = [
        f"RMSE: {with_error(root_mean_square(error))} {unit}",
        f"68 %: {with_error(half_width(error))} {unit}",
        f"bias: {with_error(mean(error), signed=True)} {unit}",
    ]
    note(ax, "\n".join(lines), size=7.5)
    ax.set_xlabel(f"estimate $-$ truth [{unit}]")
    ax.set_ylabel("sensors per bin")


def against_npho_page(readings: HiddenReadings, title: str, subtitle: str) -> Figure:
    """Draw bias, RMSE and widths of the errors of all methods against the true number of photons."""
    figure = new_slide(title, subtitle)
    usable = readings.comparable
    truth = readings.truth[usable]
    part_of = _npho_bins(truth)
    centres = np.array([np.median(truth[part]) for part in part_of])
    colours = colours_of(readings.methods)
    axes = figure.subplots(2, 2).ravel()
    labels = {
        "bias": "bias / mean true npho [%]",
        "rmse": "RMSE [photons]",
        "res_68": "half of the central 68 % [photons]",
        "res_95": "half of the central 95 % [photons]",
    }
    photons = np.array([truth[part].mean() for part in part_of])
    for k, by in enumerate(readings.methods):
        error = readings.error(by)[usable]
        # Side by side, so that no bar covers another one.
        x = centres * _BESIDE ** (k - (len(readings.methods) - 1) / 2)
        for ax, measure in zip(axes, labels, strict=True):
            numbers = [MEASURES_WITH_ERRORS[measure](error[part]) for part in part_of]
            value, bars = np.array([number.value for number in numbers]), errors_of(numbers)
            if measure == "bias":
                value, bars = 100 * value / photons, 100 * bars / photons
            else:
                value = np.maximum(value, SMALLEST)
                bars = np.minimum(bars, 0.9 * value)
            ax.errorbar(x, value, bars, fmt="o-", color=colours[by], lw=1.0, ms=3, label=by)
    for ax, label in zip(axes, labels.values(), strict=True):
        ax.set_xscale("log")
        ax.set_xlabel("true npho [photons]")
        ax.set_ylabel(label)
    axes[0].axhline(0.0, color=GREY, lw=0.8, ls="--")
    # The relative bias of few photons means nothing, and would take the whole axis.
    reach = min(1.1 * max(abs(edge) for edge in axes[0].dataLim.intervaly), _LARGEST_BIAS)
    axes[0].set_ylim(-reach, reach)
    statistics = []
    for ax in axes[1:]:
        ax.set_yscale("log")
        low, high = ax.get_xlim()
        line = np.geomspace(low, high, 50)
        for kind, dashes in (("SiPM", "--"), ("PMT", ":")):
            chance = np.sqrt(line / RESPONSES[kind].efficiency)
            label = f"statistics of a {kind}'s reading"
            statistics += ax.plot(line, chance, ls=dashes, color=GREY, lw=1.0, label=label)
        ax.set_xlim(line[0], line[-1])
    axes[1].legend(handles=statistics[:2], loc="upper left")
    legend_in_header(figure, axes[0])
    return figure


def _npho_bins(truth: Floats) -> list[NDArray[np.int64]]:
    """Sensors in logarithmic bins of their true photons, from 10 photons on; too small bins are left out."""
    top = max(float(truth.max(initial=0.0)), 100.0)
    edges = np.logspace(1.0, np.log10(top) + 1e-9, int(_BINS_PER_DECADE * (np.log10(top) - 1)) + 2)
    number = np.digitize(truth, edges)
    bins = [np.flatnonzero(number == k) for k in range(1, len(edges))]
    return [part for part in bins if len(part) >= _FEWEST]


def legend_in_header(figure: Figure, ax: Axes) -> None:
    """Draw one legend for all panels, in the header, or at the foot if it would run over the title."""
    handles, labels = ax.get_legend_handles_labels()
    width, height = figure.get_size_inches()
    legend = figure.legend(
        handles,
        labels,
        loc="upper right",
        ncols=len(labels),
        bbox_to_anchor=(1 - 0.1 / width, 1 - 0.08 / height),
        borderaxespad=0.0,
        fontsize=9,
    )
    if any(legend.get_window_extent().overlaps(text.get_window_extent()) for text in figure.texts):
        legend.remove()
        figure.legend(handles, labels, loc="outside lower center", ncols=_COLUMNS_AT_FOOT, fontsize=9)
