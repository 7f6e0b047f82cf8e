"""Plots of the errors of estimated sensors: distributions per face, and widths against npho."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xec_analysis.estimators.network_comparison import NETWORK
from xec_analysis.inpainting.hidden_readings import HiddenReadings
from xec_analysis.inpainting.numbers import central_half_width
from xec_analysis.resolution.digits import three_digits
from xec_analysis.style.figures import CYCLE, GREY, new_page, note
from xec_data.simulation.constants import RESPONSES
from xec_geometry import FACES, face_of_sensor
from xec_geometry.detector.faces import FACE_TABLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

# Perfect estimates have no place on a logarithmic axis.
SMALLEST = 1e-2

_BINS_PER_DECADE = 4
_FEWEST = 30
_LARGEST_BIAS = 150.0


def colours_of(names: Sequence[str]) -> dict[str, str]:
    """Assign colours: the first to the network, the others to estimators, with or without a network."""
    others = (name for name in names if name != NETWORK)
    return {NETWORK: CYCLE[0], **dict(zip(others, CYCLE[1:], strict=False))}


def error_page(
    errors: Mapping[str, Floats], sensor: NDArray[np.int64], unit: str, title: str, subtitle: str
) -> Figure:
    """Draw distributions of errors, a panel for each face.

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
    figure = new_page(11.0, 6.6, title, subtitle)
    colours = colours_of(list(errors))
    face = face_of_sensor()[sensor]
    axes = figure.subplots(2, 3).ravel()
    for k, (name, ax) in enumerate(zip(FACES, axes, strict=True)):
        part = face == k
        ax.set_title(f"{FACE_TABLE[name].title}: {int(part.sum())} hidden sensors")
        if part.any():
            _draw_errors(ax, {by: error[part] for by, error in errors.items()}, colours, unit)
        else:
            ax.set(xticks=(), yticks=())
    if len(errors) > 1:
        legend_in_header(figure, next(ax for ax in axes if ax.get_legend_handles_labels()[0]))
    return figure


def _draw_errors(ax: Axes, errors: Mapping[str, Floats], colours: Mapping[str, str], unit: str) -> None:
    # The best estimate has to be resolved, the worst one has to fit as far as that allows.
    reach = 3.0 * min(central_half_width(error, 95.0) for error in errors.values()) or 1.0
    edges = np.linspace(-reach, reach, 61)
    top = 1.0
    for by, error in errors.items():
        counts = np.histogram(error, edges)[0]
        top = max(top, counts.max())
        ax.stairs(counts, edges, color=colours[by], lw=1.3, label=by)
    # In this order, because a logarithmic axis cannot find its limits in a histogram without entries.
    ax.set(xlim=(-reach, reach), ylim=(0.7, 60 * top))
    ax.set_yscale("log")
    ax.axvline(0.0, color=GREY, lw=0.7, ls="--", zorder=0)
    outside = max(float(np.mean(np.abs(error) > reach)) for error in errors.values())
    note(
        ax,
        f"outside the range:\n{'up to ' if len(errors) > 1 else ''}{100 * outside:.1f} %",
        x=0.03,
        size=7.5,
    )
    if len(errors) > 1:
        lines = [f"{by}: {three_digits(np.sqrt(np.mean(error**2)))}" for by, error in errors.items()]
        note(ax, "\n".join([f"RMSE [{unit}]", *lines]), size=7.5)
    else:
        (error,) = errors.values()
        numbers = {
            "RMSE": np.sqrt(np.mean(error**2)),
            "68 %": central_half_width(error, 68.0),
            "bias": error.mean(),
        }
        lines = [
            f"{name}: {three_digits(value, signed=name == 'bias')} {unit}" for name, value in numbers.items()
        ]
        note(ax, "\n".join(lines), size=7.5)
    ax.set_xlabel(f"estimate $-$ truth [{unit}]")
    ax.set_ylabel("sensors per bin")


def against_npho_page(readings: HiddenReadings, title: str, subtitle: str) -> Figure:
    """Draw bias, RMSE and widths of the errors of all methods against the true number of photons."""
    figure = new_page(11.0, 6.6, title, subtitle)
    usable = readings.comparable
    truth = readings.truth[usable]
    part_of = _npho_bins(truth)
    centres = np.array([np.median(truth[part]) for part in part_of])
    colours = colours_of(readings.methods)
    axes = figure.subplots(2, 2).ravel()
    for by in readings.methods:
        error = readings.error(by)[usable]
        parts = [error[part] for part in part_of]
        mean = np.array([truth[part].mean() for part in part_of])
        curves = (
            100 * np.array([part.mean() for part in parts]) / mean,
            np.array([np.sqrt(np.mean(part**2)) for part in parts]),
            np.array([central_half_width(part, 68.0) for part in parts]),
            np.array([central_half_width(part, 95.0) for part in parts]),
        )
        for ax, values in zip(axes, curves, strict=True):
            shown = values if ax is axes[0] else np.maximum(values, SMALLEST)
            ax.plot(centres, shown, "o-", color=colours[by], label=by)
    labels = ("bias / mean true npho [%]", "RMSE [photons]", "half of the central 68 % [photons]",
              "half of the central 95 % [photons]")  # fmt: skip
    for ax, label in zip(axes, labels, strict=True):
        ax.set_xscale("log")
        ax.set_xlabel("true npho [photons]")
        ax.set_ylabel(label)
    axes[0].axhline(0.0, color=GREY, lw=0.8, ls="--")
    # The relative bias of few photons means nothing, and would take the whole axis.
    reach = min(1.1 * max(abs(edge) for edge in axes[0].dataLim.intervaly), _LARGEST_BIAS)
    axes[0].set_ylim(-reach, reach)
    for ax in axes[1:]:
        ax.set_yscale("log")
        low, high = ax.get_xlim()
        line = np.geomspace(low, high, 50)
        for kind, dashes in (("SiPM", "--"), ("PMT", ":")):
            statistics = np.sqrt(line / RESPONSES[kind].efficiency)
            ax.plot(
                line, statistics, ls=dashes, color=GREY, lw=1.0, label=f"statistics of a {kind}'s reading"
            )
        ax.set_xlim(line[0], line[-1])
    axes[1].legend(handles=axes[1].lines[-2:], loc="upper left")
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
    """Draw one legend for all panels, in the header."""
    handles, labels = ax.get_legend_handles_labels()
    width, height = figure.get_size_inches()
    figure.legend(
        handles,
        labels,
        loc="upper right",
        ncols=len(labels),
        bbox_to_anchor=(1 - 0.1 / width, 1 - 0.08 / height),
        borderaxespad=0.0,
        fontsize=9,
    )
