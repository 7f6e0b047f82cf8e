"""The comparison of estimates of hidden sensors in one PDF: errors, numbers, maps, and the energy."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xec_analysis.estimators.network_comparison import NETWORK
from xec_analysis.inpainting.energy_effect import COMPLETE, LEFT, EnergyEffect, summary
from xec_analysis.inpainting.hidden_readings import HiddenReadings
from xec_analysis.inpainting.numbers import (
    ALL,
    MEASURES,
    MEASURES_WITH_ERRORS,
    group_title,
)
from xec_analysis.inpainting.sensor_error_pages import (
    ROOM,
    SMALLEST,
    against_npho_page,
    colours_of,
    draw_larger_errors,
    error_page,
    legend_in_header,
)
from xec_analysis.resolution.digits import with_error
from xec_analysis.resolution.profiles import errors_of
from xec_analysis.resolution.statistics import Number, root_mean_square
from xec_analysis.style.figures import BLACK, GREY, NPHO_MAP, new_slide, plain_log, style
from xec_geometry import FACES, N_SENSORS, SensorTable, face_of_sensor
from xec_geometry.support.output import atomic_output
from xec_geometry.support.text import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

_MAPS = 2
# Percent.
_SMALLEST_DEVIATION = 1e-3


def draw_comparison(
    readings: HiddenReadings,
    path: Path,
    *,
    title: str,
    subtitle: str,
    effect: EnergyEffect | None = None,
    geometry: SensorTable | None = None,
    data_sets: Mapping[str, HiddenReadings] | None = None,
) -> Path:
    """Draw a comparison of estimates into one PDF.

    Parameters
    ----------
    readings
        Hidden sensors with all estimates.
    path
        The PDF.
    title, subtitle
        For the headers of its pages.
    effect
        The effect on the energy; no page about it without.
    geometry
        Where the sensors are drawn; in their nominal places by default.
    data_sets
        Name of each of several data sets to its hidden sensors, which `readings` has one after the other.

    Returns
    -------
    Path
        The file written.
    """
    from matplotlib.backends.backend_pdf import PdfPages

    pages = (
        ("errors per face", _draw_distributions),
        ("numbers per face", _draw_faces),
        ("against npho", against_npho_page),
        ("where", partial(_draw_maps, geometry=geometry)),
    )
    # Without a date the same comparison gives the same file.
    with (
        style(),
        atomic_output(path) as temporary,
        PdfPages(temporary, metadata={"CreationDate": None}) as pdf,
    ):
        for what, draw in pages:
            pdf.savefig(draw(readings, f"{title}: {what}", subtitle))
        if effect is not None:
            pdf.savefig(_draw_effect(effect, f"{title}: effect on the energy", subtitle))
        if data_sets:
            pdf.savefig(_draw_data_sets(readings, data_sets, f"{title}: data sets", subtitle))
        for name, part in (data_sets or {}).items():
            of_set = f"{name}: {part.n_events} events, {int(part.comparable.sum())} hidden sensors"
            pdf.savefig(_draw_faces(part, f"{title}: numbers per face", of_set))
    return path


def _draw_distributions(readings: HiddenReadings, title: str, subtitle: str) -> Figure:
    usable = readings.comparable
    errors = {by: readings.error(by)[usable] for by in readings.methods}
    return error_page(errors, readings.sensor[usable], "photons", title, subtitle)


def _draw_faces(readings: HiddenReadings, title: str, subtitle: str) -> Figure:
    face = face_of_sensor()[readings.sensor]
    parts: dict[str, NDArray[np.bool_]] = {name: face == k for k, name in enumerate(FACES)}
    return _draw_groups(readings, parts, title, subtitle)


def _draw_data_sets(
    readings: HiddenReadings, data_sets: Mapping[str, HiddenReadings], title: str, subtitle: str
) -> Figure:
    number = np.repeat(np.arange(len(data_sets)), [len(part.sensor) for part in data_sets.values()])
    return _draw_groups(readings, {name: number == k for k, name in enumerate(data_sets)}, title, subtitle)


def _draw_groups(
    readings: HiddenReadings, groups: Mapping[str, NDArray[np.bool_]], title: str, subtitle: str
) -> Figure:
    """All measures in groups of the hidden sensors, and in all."""
    figure = new_slide(title, subtitle)
    usable = readings.comparable
    parts = {name: part[usable] for name, part in groups.items()} | {ALL: np.ones(usable.sum(), dtype=bool)}
    parts = {name: part for name, part in parts.items() if part.any()}
    errors = {by: readings.error(by)[usable] for by in readings.methods}
    axes = figure.subplots(2, 3).ravel()
    titles = {"res_68": "half of the central 68 %", "res_95": "half of the central 95 %"}
    for ax, (measure, label) in zip(axes, MEASURES.items(), strict=False):
        _draw_points(ax, errors, parts, measure)
        ax.set_ylabel(f"{label} [photons]")
        if measure == "bias":
            ax.axhline(0.0, color=GREY, lw=0.8, ls="--", zorder=0)
        else:
            plain_log(ax)
        ax.set_title(titles.get(measure, label))
    _draw_ratios(axes[5], errors, parts)
    legend_in_header(figure, axes[0])
    return figure


def _draw_points(
    ax: Axes, errors: Mapping[str, Floats], parts: Mapping[str, NDArray[np.bool_]], measure: str
) -> None:
    colours, width = colours_of(list(errors)), 0.7 / len(errors)
    for k, (by, error) in enumerate(errors.items()):
        numbers = [MEASURES_WITH_ERRORS[measure](error[part]) for part in parts.values()]
        values, bars = np.array([number.value for number in numbers]), errors_of(numbers)
        if measure != "bias":
            values = np.maximum(values, SMALLEST)
            bars = np.minimum(bars, 0.9 * values)
        places = np.arange(len(parts)) + (k - (len(errors) - 1) / 2) * width
        ax.errorbar(places, values, bars, fmt="o", ms=4, lw=1.2, color=colours[by], label=by)
    _name_groups(ax, list(parts))


def _name_groups(ax: Axes, groups: Sequence[str]) -> None:
    ax.set_xticks(range(len(groups)), [group_title(group) for group in groups], fontsize=7, rotation=30)
    ax.set_xlim(-0.5, len(groups) - 0.5)
    ax.tick_params(axis="x", length=0)


def _draw_ratios(ax: Axes, errors: Mapping[str, Floats], parts: Mapping[str, NDArray[np.bool_]]) -> None:
    """RMSE of every estimator over the network's, or over the best one's without a network."""
    rmse = {by: [root_mean_square(error[part]) for part in parts.values()] for by, error in errors.items()}
    reference = NETWORK if NETWORK in errors else min(errors, key=lambda by: rmse[by][-1].value)
    colours, width = colours_of(list(errors)), 0.7 / len(errors)
    for k, (by, numbers) in enumerate(rmse.items()):
        if by == reference:
            continue
        ratio, share = np.array([_ratio(*pair) for pair in zip(numbers, rmse[reference], strict=True)]).T
        places = np.arange(len(parts)) + (k - (len(errors) - 1) / 2) * width
        bars = np.minimum(share, 0.9) * ratio
        ax.errorbar(places, np.maximum(ratio, SMALLEST), bars, fmt="o", ms=4, lw=1.2, color=colours[by])
    ax.axhline(1.0, color=colours[reference], lw=1.3)
    if len(errors) > 1:
        plain_log(ax)
        ax.margins(y=0.15)
    _name_groups(ax, list(parts))
    named = shortened(reference, ROOM)
    ax.set_ylabel(f"RMSE, {named} = 1")
    ax.set_title(f"above the line: worse than {named}")


def _ratio(ours: Number, theirs: Number) -> tuple[float, float]:
    """Ratio of two numbers, and its relative error as if they were independent."""
    parts = [(x.error or 0.0) / max(x.value, 1e-12) for x in (ours, theirs)]
    return ours.value / max(theirs.value, 1e-12), math.hypot(*parts)


def _draw_maps(readings: HiddenReadings, title: str, subtitle: str, geometry: SensorTable | None) -> Figure:
    """Mean absolute error of each sensor: the best two, or the network and the best of the others."""
    from matplotlib.colors import LogNorm

    from xec_geometry.display.picture import draw_sensors

    usable = readings.comparable
    sensor = readings.sensor[usable]
    count = np.bincount(sensor, minlength=N_SENSORS)
    errors = {by: np.abs(readings.error(by)[usable]) for by in readings.methods}
    ranked = sorted(errors, key=lambda by: (by != NETWORK, float(errors[by].mean())))[:_MAPS]
    figure = new_slide(title, subtitle, key="grey: sensors that were never hidden")
    maps = {}
    for by in ranked:
        total = np.bincount(sensor, weights=errors[by], minlength=N_SENSORS)
        maps[by] = np.divide(total, count, out=np.full(N_SENSORS, np.nan), where=count > 0)
    values = np.concatenate([values[np.isfinite(values)] for values in maps.values()])
    low, high = np.percentile(values, [2, 99.5])
    low, high = max(low, 0.1), max(high, 1.0)
    norm = LogNorm(low, high)
    axes = figure.subplots(1, len(maps), squeeze=False)[0]
    for ax, (by, shown) in zip(axes, maps.items(), strict=True):
        mappable = draw_sensors(
            ax, np.maximum(shown, low), cmap=NPHO_MAP, norm=norm, missing="0.85", table=geometry
        )
        ax.set_title(by)
    label = "mean |estimate $-$ truth| [photons]"
    figure.colorbar(mappable, ax=list(axes), label=label, shrink=0.75, pad=0.01, aspect=30, extend="both")
    return figure


def _draw_effect(effect: EnergyEffect, title: str, subtitle: str) -> Figure:
    figure = new_slide(title, subtitle)
    left, right = figure.subplots(1, 2, width_ratios=(1.0, 1.0))
    treatments = [name for name in effect.deviations if name not in (COMPLETE, LEFT)]
    colours = {COMPLETE: BLACK, LEFT: GREY, **colours_of(treatments)}
    draw_larger_errors(
        left,
        {name: 100 * values for name, values in effect.deviations.items()},
        colours,
        smallest=_SMALLEST_DEVIATION,
    )
    for place, (name, deviation) in enumerate(effect.deviations.items()):
        width, width_error, bias, bias_error = summary(deviation)
        right.errorbar(width, place, xerr=width_error, fmt="s", color=colours[name])
        right.errorbar(bias, place, xerr=bias_error, fmt="o", mfc="white", color=colours[name])
        numbers = with_error(Number(width, width_error)), with_error(Number(bias, bias_error), signed=True)
        right.text(
            0.98,
            place + 0.25,
            f"width {numbers[0]} %, bias {numbers[1]} %",
            transform=right.get_yaxis_transform(),
            ha="right",
            va="center",
            fontsize=7.5,
        )
    left.set_xlabel(f"|energy / {effect.reference} $-$ 1| [%]")
    left.set_ylabel("share of events with more")
    left.legend(loc="lower left")
    right.set_yticks(range(len(effect.deviations)), list(effect.deviations))
    right.set_ylim(len(effect.deviations) - 0.4, -0.6)
    right.axvline(0.0, color=GREY, lw=0.8, ls="--")
    right.set_xlabel(f"68 % width and bias of energy / {effect.reference} [%]")
    right.set_title("full squares: 68 % width · open circles: bias")
    return figure
