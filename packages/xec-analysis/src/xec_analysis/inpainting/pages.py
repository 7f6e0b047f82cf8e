"""The comparison of estimates of hidden sensors in one PDF: errors, numbers, maps, and the energy."""

from __future__ import annotations

from collections.abc import Sequence
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
    Numbers,
    by_face,
    central_half_width,
    group_title,
    grouped,
)
from xec_analysis.inpainting.sensor_error_pages import (
    SMALLEST,
    against_npho_page,
    colours_of,
    error_page,
    legend_in_header,
)
from xec_analysis.style.figures import BLACK, GREY, NPHO_MAP, new_page, style
from xec_geometry import N_SENSORS, SensorTable
from xec_geometry.support.output import atomic_output

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

_MAPS = 2


def draw_comparison(
    readings: HiddenReadings,
    path: Path,
    *,
    title: str,
    subtitle: str,
    effect: EnergyEffect | None = None,
    geometry: SensorTable | None = None,
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
    return path


def _draw_distributions(readings: HiddenReadings, title: str, subtitle: str) -> Figure:
    usable = readings.comparable
    errors = {by: readings.error(by)[usable] for by in readings.methods}
    return error_page(errors, readings.sensor[usable], "photons", title, subtitle)


def _draw_faces(readings: HiddenReadings, title: str, subtitle: str) -> Figure:
    figure = new_page(11.0, 6.6, title, subtitle)
    rows = [row for row in by_face(readings) if row.quantity == "npho"]
    groups = [members[0].group for members in grouped(rows)]
    axes = figure.subplots(2, 3).ravel()
    for ax, (measure, label) in zip(axes, MEASURES.items(), strict=False):
        _draw_bars(ax, rows, groups, measure)
        ax.set_ylabel(f"{label} [photons]")
        if measure == "bias":
            ax.axhline(0.0, color=BLACK, lw=0.8)
        else:
            _plain_log(ax)
        ax.set_title(
            {"res_68": "half of the central 68 %", "res_95": "half of the central 95 %"}.get(measure, label)
        )
    _draw_ratios(axes[5], rows, groups)
    legend_in_header(figure, axes[0])
    return figure


def _draw_bars(ax: Axes, rows: Sequence[Numbers], groups: Sequence[str], measure: str) -> None:
    names = list(dict.fromkeys(row.by for row in rows))
    colours, width = colours_of(names), 0.8 / len(names)
    for k, name in enumerate(names):
        values = [getattr(row, measure) for row in rows if row.by == name]
        if measure != "bias":
            values = [max(value, SMALLEST) for value in values]
        places = np.arange(len(groups)) + (k - (len(names) - 1) / 2) * width
        ax.bar(places, values, width, color=colours[name], label=name)
    ax.set_xticks(range(len(groups)), [group_title(group) for group in groups])
    ax.tick_params(axis="x", length=0)


def _plain_log(ax: Axes) -> None:
    """A logarithmic axis with plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())


def _draw_ratios(ax: Axes, rows: Sequence[Numbers], groups: Sequence[str]) -> None:
    """RMSE of every estimator over the network's, or over the best one's without a network."""
    names = list(dict.fromkeys(row.by for row in rows))
    rmse = {(row.by, row.group): row.rmse for row in rows}
    reference = NETWORK if NETWORK in names else min(names, key=lambda name: rmse[name, ALL])
    colours = colours_of(names)
    for name in names:
        if name != reference:
            ratio = [rmse[name, group] / max(rmse[reference, group], 1e-12) for group in groups]
            ax.plot(range(len(groups)), ratio, "o", ms=6, color=colours[name])
    ax.axhline(1.0, color=colours[reference], lw=1.3)
    ax.set_xticks(range(len(groups)), [group_title(group) for group in groups])
    ax.set_xlim(-0.5, len(groups) - 0.5)
    ax.margins(y=0.1)
    ax.set_ylim(bottom=0.0)
    ax.set_ylabel(f"RMSE / RMSE of the {reference}")
    ax.set_title(f"above the line: worse than the {reference}")


def _draw_maps(readings: HiddenReadings, title: str, subtitle: str, geometry: SensorTable | None) -> Figure:
    """Mean absolute error of each sensor: the best two, or the network and the best of the others."""
    from matplotlib.colors import LogNorm

    from xec_geometry.display.picture import draw_sensors

    usable = readings.comparable
    sensor = readings.sensor[usable]
    count = np.bincount(sensor, minlength=N_SENSORS)
    errors = {by: np.abs(readings.error(by)[usable]) for by in readings.methods}
    ranked = sorted(errors, key=lambda by: (by != NETWORK, float(errors[by].mean())))[:_MAPS]
    figure = new_page(13.2, 6.6, title, subtitle, key="grey: sensors that were never hidden")
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
    figure = new_page(11.0, 4.4, title, subtitle)
    left, right = figure.subplots(1, 2, width_ratios=(1.0, 1.0))
    treatments = [name for name in effect.deviations if name not in (COMPLETE, LEFT)]
    colours = {COMPLETE: BLACK, LEFT: GREY, **colours_of(treatments)}
    widths = [central_half_width(values, 95.0) for values in effect.deviations.values()]
    reach = 100 * 2.0 * float(np.median(widths))
    middle = 100 * float(np.median(np.median(list(effect.deviations.values()), axis=1)))
    edges = np.linspace(middle - reach, middle + reach, int(np.clip(2.5 * effect.n_events**0.45, 12, 60)))
    for place, (name, deviation) in enumerate(effect.deviations.items()):
        left.stairs(np.histogram(100 * deviation, edges)[0], edges, color=colours[name], lw=1.3, label=name)
        width, width_error, bias, bias_error = summary(deviation)
        right.errorbar(width, place, xerr=width_error, fmt="s", color=colours[name])
        right.errorbar(bias, place, xerr=bias_error, fmt="o", mfc="white", color=colours[name])
    left.set_xlim(edges[0], edges[-1])
    left.set_xlabel(f"energy / {effect.reference} $-$ 1 [%]")
    left.set_ylabel("events per bin")
    left.margins(y=0.35)
    left.set_ylim(bottom=0.0)
    left.legend(loc="upper left")
    right.set_yticks(range(len(effect.deviations)), list(effect.deviations))
    right.set_ylim(len(effect.deviations) - 0.4, -0.6)
    right.axvline(0.0, color=GREY, lw=0.8, ls="--")
    right.set_xlabel("[%]")
    right.set_title("full squares: 68 % width · open circles: bias")
    return figure
