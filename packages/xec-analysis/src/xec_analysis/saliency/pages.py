"""Plots of the saliency: shares of the faces, and maps on the unrolled detector."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xec_analysis.resolution.digits import three_digits
from xec_analysis.saliency.attention import draw_attention
from xec_analysis.saliency.measurement import Floats, Measure, Saliency
from xec_analysis.saliency.table import INCOMPLETE, TOO_STEEP, completeness, write_shares
from xec_analysis.style.figures import new_page, save, style
from xec_analysis.style.quantities import Unit, quantity_of
from xec_data.tasks.output import Output
from xec_geometry import FACES, face_ids
from xec_geometry.detector.faces import FACE_TABLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_READINGS = ("photons", "times")
_PER = ("photon", "ns")
_TO_PER = (1.0, 1e-9)  # from per photon and per second
_SHARES = "cividis"
_SIZES, _SIGNED = "magma", "RdBu_r"
_PREFIXES = ((1.0, ""), (1e3, "10⁻³ "), (1e6, "10⁻⁶ "), (1e9, "10⁻⁹ "))
_PROFILE = (
    "Above for the photons, below for the times of the sensors. Left, how much an output changes per "
    "photon or ns in one sensor; middle and right, the share of each face in what moves the output from "
    "its mean to that of the event: by the slope at the event (gradient × input), and along the way to it "
    "(integrated gradients)."
)
_MAPS = (
    "The unrolled detector: left and middle, how much the output changes per photon or ns in each "
    "sensor; right, what each sensor contributes to the output of an event (integrated gradients)."
)
_DECADES, _SIGNED_DECADES = 2.5, 1.5


def draw_saliency(saliency: Saliency, name: str, folder: Path, kind: str = "pdf") -> list[Path]:
    """Draw all plots of the saliency.

    Parameters
    ----------
    saliency
        What is drawn.
    name
        Of the run.
    folder
        An existing folder.
    kind
        pdf, png or svg.

    Returns
    -------
    list of Path
        ``saliency_profile_<run>`` with the shares of the faces, ``saliency_shares_<run>.csv`` with the same
        numbers, ``saliency_map_<output>_<run>`` for every output, and ``attention_<run>`` of the fusion
        layers.
    """
    paths = [
        _draw_profile(saliency, name, folder / f"saliency_profile_{name}.{kind}"),
        write_shares(saliency, folder / f"saliency_shares_{name}.csv"),
    ]
    for k, output in enumerate(saliency.outputs):
        paths.append(_draw_maps(saliency, k, name, folder / f"saliency_map_{output.name}_{name}.{kind}"))
    if len(saliency.attention):
        remark = f"Mean over {saliency.n_events} events and heads. Below: {saliency.event.title}"
        title = f"{name}: which face looks at which"
        path = folder / f"attention_{name}.{kind}"
        matrices = saliency.attention, saliency.event_attention
        paths.append(draw_attention(*matrices, saliency.tokens, title, remark, path))
    return paths


def _draw_profile(saliency: Saliency, name: str, path: Path) -> Path:
    subtitle = (
        f"Mean over {saliency.n_events} events. Integrated gradients and gradient × input go from the mean "
        f"event to each event, the anchor held. The first {completeness(saliency)}"
    )
    if saliency.incompleteness.max() > INCOMPLETE:
        subtitle += f": {TOO_STEEP}"
    with style():
        height = 1.6 + 0.36 * len(saliency.outputs)
        figure = new_page(
            13.2, 2 * height, f"{name}: which faces the outputs follow", subtitle, caption=_PROFILE
        )
        axes = figure.subplots(2, 3)
        for row, readings in enumerate(_READINGS):
            _draw_slopes(axes[row, 0], saliency, row)
            for column, (measure, title) in enumerate(
                (("gradient_input", "gradient × input"), ("integrated", "integrated gradients")), start=1
            ):
                _draw_shares(axes[row, column], saliency, measure, row)  # type: ignore[arg-type]
                axes[row, column].set_title(f"Share of each face's {readings} [%], {title}")
        return save(figure, path)


def _draw_shares(ax: Axes, saliency: Saliency, measure: Measure, row: int) -> None:
    shares = 100 * saliency.shares(measure)
    texts = [[f"{value:.1f}" for value in line] for line in shares[:, :, row]]
    names = [quantity_of(output).symbol for output in saliency.outputs]
    _draw_matrix(ax, shares[:, :, row], texts, names, float(shares.max()))


def _draw_slopes(ax: Axes, saliency: Saliency, row: int) -> None:
    """Mean absolute derivative of a sensor of each face; each output has a unit, and colours, of its own."""
    values = np.stack([saliency.gradient[:, face_ids(face), row].mean(axis=1) for face in FACES], axis=1)
    values = values * _TO_PER[row]
    names, texts = [], []
    for output, line in zip(saliency.outputs, values, strict=True):
        unit = slope_unit(output, line, _PER[row])
        names.append(f"{quantity_of(output).symbol} [{unit.name}]")
        texts.append([three_digits(value * unit.factor) for value in line])
    peaks = values.max(axis=1, keepdims=True)
    _draw_matrix(ax, np.divide(values, peaks, out=np.zeros_like(values), where=peaks > 0), texts, names, 1.0)
    ax.set_title(f"|∂output/∂{'npho' if row == 0 else 'time'}|, mean over sensors")


def slope_unit(output: Output, values: Floats, per: str) -> Unit:
    """Return a unit in which the largest of some derivatives has digits before the point."""
    shown = quantity_of(output).units.residuals[0]
    largest = float(np.max(np.abs(values), initial=0.0)) * shown.factor
    factor, prefix = next((p for p in _PREFIXES if largest * p[0] >= 1.0), _PREFIXES[-1])
    if largest == 0.0:
        factor, prefix = _PREFIXES[0]
    return Unit(f"{prefix}{shown.name or '1'}/{per}", shown.factor * factor)


def _draw_matrix(ax: Axes, values: Floats, texts: list[list[str]], names: list[str], high: float) -> None:
    from matplotlib import colormaps

    ax.imshow(values, cmap=_SHARES, vmin=0.0, vmax=high or 1.0, aspect="auto")
    ax.set_xticks(range(len(FACES)), [FACE_TABLE[face].title for face in FACES], rotation=30, ha="right")
    ax.set_yticks(range(len(names)), names)
    ax.tick_params(length=0)
    for (row, column), value in np.ndenumerate(values):
        red, green, blue, _ = colormaps[_SHARES](value / (high or 1.0))
        ink = "black" if 0.3 * red + 0.59 * green + 0.11 * blue > 0.5 else "white"
        ax.text(column, row, texts[row][column], ha="center", va="center", color=ink, fontsize=8)


def _draw_maps(saliency: Saliency, k: int, name: str, path: Path) -> Path:
    output = saliency.outputs[k]
    quantity = quantity_of(output)
    with style():
        figure = new_page(
            15.0,
            9.9,
            f"{name}: what {quantity.plain} follows",
            f"Above: mean over {saliency.n_events} events. Below: {saliency.event.title}. Sensors without a "
            "reading are grey; colours of the means cover 2.5 decades",
            caption=_MAPS,
        )
        axes = figure.subplots(2, 3)
        for column, (readings, per) in enumerate(zip(("npho", "time"), _PER, strict=True)):
            mean = saliency.gradient[k, :, column] * _TO_PER[column]
            one = saliency.event_gradient[k, :, column] * _TO_PER[column]
            unit = slope_unit(output, mean, per)
            _draw_map(figure, axes[0, column], mean * unit.factor, unit.name, signed=False)
            axes[0, column].set_title(f"mean |∂{quantity.symbol}/∂{readings}|")
            unit = slope_unit(output, one, per)
            _draw_map(figure, axes[1, column], one * unit.factor, unit.name, signed=True)
            axes[1, column].set_title(f"∂{quantity.symbol}/∂{readings} of one event")
        for row, (values, text) in enumerate(
            (
                (saliency.integrated[k].sum(axis=1), "mean |integrated gradients|, photons and time"),
                (
                    saliency.event_integrated[k].sum(axis=1),
                    "integrated gradients of the event, photons and time",
                ),
            )
        ):
            unit = quantity.residual_unit(float(np.abs(values).max()))
            _draw_map(figure, axes[row, 2], values * unit.factor, unit.name, signed=row == 1)
            axes[row, 2].set_title(text)
        return save(figure, path)


def _draw_map(figure: Figure, ax: Axes, values: Floats, unit: str, *, signed: bool) -> None:
    from matplotlib.colors import LogNorm, Normalize, SymLogNorm

    from xec_geometry.display.picture import draw_sensors

    largest = float(np.abs(values).max()) or 1.0
    shown = np.where(values == 0, np.nan, values)
    lowest = largest / 10 ** (_SIGNED_DECADES if signed else _DECADES)
    norm: Normalize
    if signed:
        norm = SymLogNorm(lowest, vmin=-largest, vmax=largest, base=10)
    else:
        norm, shown = LogNorm(lowest, largest), np.maximum(shown, lowest)
    bar: dict[str, Any] = {"shrink": 0.75, "pad": 0.01, "aspect": 30}
    mappable = draw_sensors(
        ax, shown, cmap=_SIGNED if signed else _SIZES, norm=norm, missing="0.78", label_size=7
    )
    figure.colorbar(mappable, ax=ax, label=unit, extend="neither" if signed else "min", **bar)
