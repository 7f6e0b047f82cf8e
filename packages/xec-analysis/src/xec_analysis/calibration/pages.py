"""The pages of measured lines: spectra, resolution and peak per patch and depth, and against energy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xec_analysis.calibration.energy_dependence import ResolutionCurve
from xec_analysis.calibration.measurement import MeasuredLine, Region
from xec_analysis.calibration.spectra import (
    EstimateStyle,
    draw_spectra,
    energy_label,
    estimate_styles,
    fit_text,
)
from xec_analysis.calibration.table import curve_lines, resolution_curves
from xec_analysis.fitting.line_fit import LineFit
from xec_analysis.resolution.digits import three_digits, with_error
from xec_analysis.resolution.statistics import Number
from xec_analysis.style.figures import DENSITY_MAP, GREY, new_page, save, style
from xec_analysis.style.quantities import PERCENT, quantity, with_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MEV = quantity("energy").unit.factor
_KEY = "steps: others · curves: fits · dotted: energy of the line"
_POOR = "open: poor fits"
_SIGMA_LABEL, _SCALE_LABEL = with_unit(r"$\sigma/E$", PERCENT), with_unit("peak/line", PERCENT)
_PANEL_WIDTH, _PANEL_HEIGHT = 3.4, 2.5
# In more patches there is no room for numbers.
_WRITTEN_PATCHES = 16

Measure = Callable[[MeasuredLine, LineFit], Number | None]


def draw_lines(lines: Sequence[MeasuredLine], folder: Path, kind: str) -> list[Path]:
    """Draw all pages of measured lines into an existing folder.

    Returns
    -------
    list of Path
        For each line ``line_<E>MeV_<name>``, and with positions ``line_<E>MeV_patches_<name>`` and
        ``line_<E>MeV_depths_<name>``; with several lines ``line_resolution_<name>``.
    """
    paths = []
    for line in lines:
        stem = f"line_{_MEV * line.events.line:g}MeV"
        name = f"{line.events.name}.{kind}"
        paths.append(_draw_overview(line, folder / f"{stem}_{name}"))
        if line.events.uvw is not None:
            paths.append(_draw_patches(line, folder / f"{stem}_patches_{name}"))
            paths.append(_draw_depths(line, folder / f"{stem}_depths_{name}"))
    if len(lines) > 1:
        paths.append(_draw_resolution(lines, folder / f"line_resolution_{lines[0].events.name}.{kind}"))
    return paths


def _page(line: MeasuredLine, width: float, height: float, what: str, marked: bool = False) -> Figure:
    title = f"Line of {_MEV * line.events.line:g} MeV, {what}: {line.events.name}"
    parts = [f"{len(line.events)} events", line.settings.model]
    parts += [f"positions: {line.events.position}"] if line.events.position else []
    poor = any(fit.is_poor for fits in line.fits.values() for fit in fits.values())
    parts += [_POOR] if marked and poor else []
    return new_page(width, height, title, "; ".join(parts), f"points: {next(iter(line.whole))} · {_KEY}")


def _draw_overview(line: MeasuredLine, path: Path) -> Path:
    has_positions = line.events.uvw is not None
    whole = next(iter(line.fits))
    with style():
        figure = _page(line, 12.0, 6.4 if has_positions else 3.4, "all events", has_positions)
        grid = figure.add_gridspec(2 if has_positions else 1, 4)
        ax = figure.add_subplot(grid[0, :3])
        draw_spectra(ax, line, whole)
        ax.set_xlabel(energy_label())
        ax.set_ylabel("events per bin")
        _write_key(
            figure.add_subplot(grid[0, 3]), {label: fit_text(fit) for label, fit in line.whole.items()}
        )
        if has_positions:
            _draw_against_depth(figure.add_subplot(grid[1, 0]), line, _sigma, _SIGMA_LABEL)
            _draw_against_depth(figure.add_subplot(grid[1, 1]), line, _scale, _SCALE_LABEL)
            _draw_map(figure, figure.add_subplot(grid[1, 2]), line, _sigma, _SIGMA_LABEL)
            _draw_map(figure, figure.add_subplot(grid[1, 3]), line, _scale, _SCALE_LABEL)
        return save(figure, path)


def _draw_patches(line: MeasuredLine, path: Path) -> Path:
    regions = line.regions("patch")
    n_columns = len(line.settings.patches.u) - 1
    rows = [regions[k : k + n_columns] for k in range(0, len(regions), n_columns)]
    # v points upwards on the face, as in every other picture of it.
    return _draw_grid(line, rows[::-1], "patches of the inner face", path)


def _draw_depths(line: MeasuredLine, path: Path) -> Path:
    regions = line.regions("depth")
    n_columns = min(len(regions), 3)
    rows = [regions[k : k + n_columns] for k in range(0, len(regions), n_columns)]
    return _draw_grid(line, rows, "depths", path)


def _draw_grid(line: MeasuredLine, rows: Sequence[Sequence[Region]], what: str, path: Path) -> Path:
    n_columns = max(len(row) for row in rows)
    with style():
        width, height = max(n_columns * _PANEL_WIDTH, 9.6), len(rows) * _PANEL_HEIGHT + 0.35
        figure = _page(line, width, height, what)
        axes = figure.subplots(len(rows), n_columns, squeeze=False)
        for k, row in enumerate(rows):
            for ax, region in zip(axes[k], row, strict=False):
                draw_spectra(ax, line, region)
                _write_widths(ax, line.fits[region])
                ax.set_title(_place(region), fontsize=8.5)
            for ax in axes[k, len(row) :]:
                ax.set_visible(False)
            axes[k, 0].set_ylabel("events per bin")
        for column in range(n_columns):
            last = max(k for k, row in enumerate(rows) if len(row) > column)
            axes[last, column].set_xlabel(energy_label())
        handles = [look.handle(label) for label, look in estimate_styles(list(line.whole)).items()]
        figure.legend(handles=handles, loc="outside lower center", ncols=6)
        return save(figure, path)


def _draw_resolution(lines: Sequence[MeasuredLine], path: Path) -> Path:
    curves = resolution_curves(lines)
    labels = list(dict.fromkeys(label for line in lines for label in line.whole))
    energies = np.array([line.events.line for line in lines])
    reach = np.linspace(0.85 * energies.min(), 1.1 * energies.max(), 200)
    with style():
        title = f"Resolution against energy: {lines[0].events.name}"
        poor = any(fit.is_poor for line in lines for fit in line.whole.values())
        figure = new_page(9.6, 4.8, title, _formula(curves), _POOR if poor else "")
        ax, key = figure.subplots(1, 2, width_ratios=(2.4, 1))
        for label, look in estimate_styles(labels).items():
            good = [line for line in lines if label in line.whole and line.whole[label].is_good]
            numbers = [line.whole[label].relative_sigma or Number(np.nan) for line in good]
            x = [_MEV * line.events.line for line in good]
            y = [PERCENT.factor * number.value for number in numbers]
            bars = [PERCENT.factor * (number.error or 0.0) for number in numbers]
            ax.errorbar(x, y, bars, fmt="none", color=look.colour)
            _mark(ax, x, y, [line.whole[label].is_poor for line in good], look)
            if label in curves:
                height = PERCENT.factor * curves[label](reach)
                ax.plot(_MEV * reach, height, color=look.colour, ls=look.dashes)
        ax.set_xlabel(quantity("energy").label)
        ax.set_ylabel(_SIGMA_LABEL)
        ax.set_ylim(0, 1.05 * ax.get_ylim()[1])
        ax.set_xlim(0, _MEV * reach[-1])
        texts = {label: _curve_text(curves.get(label)) for label in labels}
        _write_key(key, texts)
        return save(figure, path)


def _formula(curves: dict[str, ResolutionCurve]) -> str:
    if not curves:
        return "too few good lines for a curve"
    longest = max(curves.values(), key=lambda curve: len(curve.terms))
    exact = all(curve.ndf == 0 for curve in curves.values())
    tested = "; as many lines as terms: nothing tests the curve" if exact else ""
    return f"curves: σ/E = {longest.formula}{tested}"


def _curve_text(curve: ResolutionCurve | None) -> str:
    return "fewer than two good lines" if curve is None else "\n".join(curve_lines(curve))


def _sigma(_line: MeasuredLine, fit: LineFit) -> Number | None:
    number = fit.relative_sigma
    return None if number is None else number.scaled(PERCENT.factor)


def _scale(line: MeasuredLine, fit: LineFit) -> Number | None:
    return None if fit.peak is None else fit.peak.scaled(PERCENT.factor / line.events.line)


def _draw_against_depth(ax: Axes, line: MeasuredLine, measure: Measure, label: str) -> None:
    regions = line.regions("depth")
    styles = estimate_styles(list(line.whole))
    for k, (estimate, look) in enumerate(styles.items()):
        # Side by side, so that bars do not cover each other.
        shift = 0.12 * (k - (len(styles) - 1) / 2)
        found = [measure(line, line.fits[region][estimate]) for region in regions]
        known = [(place + shift, number) for place, number in enumerate(found) if number is not None]
        x = [place for place, _ in known]
        y, bars = [number.value for _, number in known], [number.error or 0.0 for _, number in known]
        ax.errorbar(x, y, bars, fmt="none", color=look.colour, lw=1.0)
        poor = [line.fits[region][estimate].is_poor for region in regions]
        _mark(ax, x, y, [poor[round(place - shift)] for place in x], look)
    names = [f"{region.w[0]:g}–{region.w[1]:g}" for region in regions if region.w is not None]
    ax.set_xticks(range(len(names)), names)
    ax.tick_params(axis="x", length=0)
    ax.set_xlim(-0.5, len(names) - 0.5)
    ax.set_xlabel(quantity("w").label)
    ax.set_ylabel(label)


def _mark(
    ax: Axes, x: Sequence[float], y: Sequence[float], poor: Sequence[bool], look: EstimateStyle
) -> None:
    """Draw the markers of an estimate, open where the fit is poor."""
    for place, height, is_poor in zip(x, y, poor, strict=True):
        face = "white" if is_poor else look.colour
        ax.plot(place, height, look.marker, color=look.colour, mfc=face, ms=5, zorder=5)


def _draw_map(figure: Figure, ax: Axes, line: MeasuredLine, measure: Measure, label: str) -> None:
    """Draw a quantity of the first estimate in the patches; those whose fit failed are hatched."""
    from matplotlib.patches import Rectangle

    estimate = next(iter(line.whole))
    u, v = (np.array(edges) for edges in (line.settings.patches.u, line.settings.patches.v))
    values = np.full((len(v) - 1, len(u) - 1), np.nan)
    box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 1.0}
    for (row, column), region in zip(np.ndindex(values.shape), line.regions("patch"), strict=True):
        (left, right), (low, high) = u[column : column + 2].tolist(), v[row : row + 2].tolist()
        number = measure(line, line.fits[region][estimate])
        if number is None:
            patch = Rectangle((left, low), right - left, high - low, fc="white", ec=GREY, hatch="////", lw=0)
            ax.add_patch(patch)
            text = "failed"
        else:
            values[row, column] = number.value
            text = with_error(number).replace(" ± ", "\n± ") if number.error else three_digits(number.value)
        if values.size <= _WRITTEN_PATCHES:
            place = ((left + right) / 2, (low + high) / 2)
            ax.text(*place, text, ha="center", va="center", fontsize=6.5, bbox=box)
    if np.isfinite(values).any():
        mesh = ax.pcolormesh(u, v, values, cmap=DENSITY_MAP)
        bar = figure.colorbar(mesh, ax=ax, pad=0.03)
        bar.ax.tick_params(labelsize=7)
    ax.set(xlim=(u[0], u[-1]), ylim=(v[0], v[-1]))
    ax.set_xlabel(quantity("u").label)
    ax.set_ylabel(quantity("v").label)
    ax.set_title(f"{estimate}: {label}", fontsize=8.5)


def _write_key(ax: Axes, texts: dict[str, str]) -> None:
    ax.set_axis_off()
    looks = estimate_styles(list(texts))
    handles = [look.handle(f"{label}\n{texts[label]}") for label, look in looks.items()]
    legend = ax.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(0.0, 1.03), labelspacing=0.7, fontsize=7.5
    )
    # It may be longer than its axes, which must not push the others away.
    legend.set_in_layout(False)


def _write_widths(ax: Axes, fits: dict[str, LineFit]) -> None:
    handles = []
    for label, look in estimate_styles(list(fits)).items():
        number = fits[label].relative_sigma
        handles.append(
            look.handle("failed" if number is None else f"{with_error(number.scaled(PERCENT.factor))} %")
        )
    ax.legend(
        handles=handles,
        loc="upper left",
        title=r"$\sigma/E$",
        title_fontsize=7,
        fontsize=7,
        labelspacing=0.3,
        borderpad=0.1,
        alignment="left",
    )


def _place(region: Region) -> str:
    parts = [
        f"${name}$ {x[0]:g} to {x[1]:g} cm".replace("-", "−")
        for name, x in zip("uvw", (region.u, region.v, region.w), strict=True)
        if x is not None and (name == "w") == (region.kind == "depth")
    ]
    return ", ".join(parts)
