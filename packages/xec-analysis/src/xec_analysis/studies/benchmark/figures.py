"""The figures of a set: widths and pulls against depth and energy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xec_analysis.studies.benchmark.bounds import BOUND
from xec_analysis.studies.benchmark.content import Binned, Pull, Resolution, SetNumbers
from xec_analysis.studies.benchmark.sets import TASKS_MEASURED
from xec_analysis.style.figures import BLACK, CYCLE, GREY, new_page, save, style
from xec_analysis.style.quantities import quantity, quantity_of
from xec_data.tasks.table import TASKS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH, _HEIGHT = 2.3, 2.1
# A method several times worse than the others would flatten their curves.
_LEFT_OUT = ("simple",)
_PULL_WIDTHS = (0.7, 1.3)


def _quantities() -> list[str]:
    """Every output of a task, but of a direction, whose components mean little one by one, the angle."""
    names = []
    for task in (TASKS[name] for name in TASKS_MEASURED):
        if task.direction is not None and task.joint is not None:
            names.append(task.joint.symbol)
        else:
            names += [quantity_of(output).plain for output in task.outputs]
    return names


def draw_figures(numbers: SetNumbers, folder: Path, kind: str) -> list[Path]:
    """Draw the figures of a set.

    Parameters
    ----------
    numbers
        The set.
    folder
        An existing folder.
    kind
        pdf, png or svg.

    Returns
    -------
    list of Path
        The files: ``widths_<set>.<kind>``, and ``pulls_<set>.<kind>`` if a method states σ.
    """
    paths = []
    shown = _quantities()
    curves = [
        r for r in numbers.resolutions if r.profiles and r.quantity in shown and r.method not in _LEFT_OUT
    ]
    if curves:
        paths.append(_draw_widths(numbers, curves, folder / f"widths_{numbers.name}.{kind}"))
    if numbers.pulls:
        paths.append(_draw_pulls(numbers, folder / f"pulls_{numbers.name}.{kind}"))
    return paths


def _draw_widths(numbers: SetNumbers, curves: Sequence[Resolution], path: Path) -> Path:
    quantities = list(dict.fromkeys(r.quantity for r in curves))
    variables = _variables(curves)
    colours = _colours([r.method for r in curves])
    with style():
        figure = new_page(
            max(len(quantities) * _WIDTH, 6.0),
            len(variables) * _HEIGHT,
            f"68 % widths: {numbers.title}",
            f"{numbers.events} events",
        )
        axes = figure.subplots(len(variables), len(quantities), squeeze=False)
        for row, variable in zip(axes, variables, strict=True):
            for ax, name in zip(row, quantities, strict=True):
                shown = [r for r in curves if r.quantity == name]
                for r in shown:
                    _draw_profile(ax, r.profiles, variable, r.method, colours)
                ax.set_ylim(bottom=0)
                ax.set_xlabel(quantity(variable).label)
                ax.set_ylabel(f"{name} [{shown[0].unit}]")
        # Not all methods have a curve everywhere.
        fullest = max(axes[0], key=lambda ax: len(ax.get_legend_handles_labels()[0]))
        fullest.legend(loc="best")
        return save(figure, path)


def _draw_pulls(numbers: SetNumbers, path: Path) -> Path:
    pulls = numbers.pulls
    quantities = list(dict.fromkeys(p.quantity for p in pulls))
    variables = _variables(pulls)
    colours = _colours([p.method for p in pulls])
    with style():
        figure = new_page(
            max(len(quantities) * _WIDTH, 6.0),
            (1 + len(variables)) * _HEIGHT,
            f"Pulls, (prediction − truth)/σ: {numbers.title}",
            f"{numbers.events} events; grey: a Gaussian of width 1, and a width within 5 % of 1",
        )
        axes = figure.subplots(1 + len(variables), len(quantities), squeeze=False)
        for column, name in enumerate(quantities):
            shown = [p for p in pulls if p.quantity == name]
            _draw_histogram(axes[0][column], shown, colours)
            axes[0][column].set_xlabel(f"pull of {name}")
            for ax, variable in zip(axes[1:, column], variables, strict=True):
                ax.axhspan(0.95, 1.05, color=GREY, alpha=0.25, linewidth=0)
                for p in shown:
                    _draw_profile(ax, p.profiles, variable, p.method, colours)
                low, high = ax.get_ylim()
                ax.set_ylim(min(low, _PULL_WIDTHS[0]), max(high, _PULL_WIDTHS[1]))
                ax.set_xlabel(quantity(variable).label)
                ax.set_ylabel(f"pull width of {name}")
        return save(figure, path)


def _draw_histogram(ax: Axes, pulls: Sequence[Pull], colours: dict[str, str]) -> None:
    for pull in pulls:
        edges, counts = np.array(pull.edges), np.array(pull.counts)
        density = counts / max(counts.sum(), 1) / np.diff(edges)
        ax.stairs(density, edges, color=colours[pull.method], label=f"{pull.method}: {pull.width.value:.2f}")
    x = np.linspace(pulls[0].edges[0], pulls[0].edges[-1], 201)
    ax.fill_between(x, np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi), color=GREY, alpha=0.25, linewidth=0)
    ax.set_yticks([])
    ax.set_ylim(top=1.45 * ax.get_ylim()[1])
    ax.legend(loc="upper right")


def _draw_profile(
    ax: Axes, profiles: Sequence[Binned], variable: str, method: str, colours: dict[str, str]
) -> None:
    for profile in (p for p in profiles if p.variable == variable):
        values = [number.value for number in profile.numbers]
        errors = [number.error or 0.0 for number in profile.numbers]
        line = "--" if method == BOUND else "-"
        marker = "" if method == BOUND else "o"
        ax.errorbar(profile.centre, values, errors, fmt=marker + line, color=colours[method], label=method)


def _variables(curves: Sequence[Resolution] | Sequence[Pull]) -> list[str]:
    return list(dict.fromkeys(profile.variable for curve in curves for profile in curve.profiles))


def _colours(methods: Sequence[str]) -> dict[str, str]:
    names = [name for name in dict.fromkeys(methods) if name != BOUND]
    return {name: CYCLE[k % len(CYCLE)] for k, name in enumerate(names)} | {BOUND: BLACK}
