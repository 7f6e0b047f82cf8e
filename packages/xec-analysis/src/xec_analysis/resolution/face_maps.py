"""Maps over the inner face: bias and width of an output, and the size of a joint measure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from xec_analysis.resolution.panels import scaled_residual
from xec_analysis.resolution.results import TaskResult
from xec_analysis.resolution.statistics import Number, containment, half_width, mean
from xec_analysis.style.figures import DENSITY_MAP, SIGNED_MAP
from xec_analysis.style.quantities import Unit, joint_quantity, quantity, quantity_of, with_unit
from xec_data.tasks.measures import JointMeasure
from xec_geometry.detector.parameters import FIDUCIAL_U_MAX, FIDUCIAL_V_MAX
from xec_models.regressor.metrics import percentile_68

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.gridspec import SubplotSpec

Floats = NDArray[np.float64]

# Of a cell with fewer events no width is shown; on average a cell is to have some more.
_FEWEST, _TYPICAL = 12, 80
_MOST_COLUMNS = 12
_EMPTY = "0.85"
_LEAST_RANGE = 2.0

_MEASURES: dict[str, tuple[str, Callable[[Floats], Number]]] = {
    "bias": ("bias", mean),
    "width": ("68 % width", half_width),
}


@dataclass(frozen=True)
class FaceMap:
    """Bias or 68 % width of an output over the inner face.

    `relative` divides by the truth; `upright` has v along the vertical axis.
    """

    output: str
    measure: Literal["bias", "width"]
    relative: bool = False
    upright: bool = True
    needs: tuple[str, ...] = ("u", "v")

    def draw(self, figure: Figure, cell: SubplotSpec, result: TaskResult) -> None:
        residual, unit, _ = scaled_residual(result, self.output, self.relative)
        name, function = _MEASURES[self.measure]
        symbol = quantity_of(result.output(self.output)).symbol
        label, is_signed = f"{name} of {symbol}", self.measure == "bias"
        _draw_map(figure, cell, result, residual, function, label, unit, is_signed, upright=self.upright)


@dataclass(frozen=True)
class JointFaceMap:
    """68th percentile of a joint measure over the inner face."""

    joint: JointMeasure
    needs: tuple[str, ...] = ("u", "v")

    def draw(self, figure: Figure, cell: SubplotSpec, result: TaskResult) -> None:
        values = self.joint.function(result.prediction, result.truth)
        what = joint_quantity(self.joint)
        unit = what.residual_unit(percentile_68(values))
        label = f"68 % of {what.symbol}"
        _draw_map(figure, cell, result, values * unit.factor, containment, label, unit, False, upright=False)


def _draw_map(
    figure: Figure,
    cell: SubplotSpec,
    result: TaskResult,
    values: Floats,
    measure: Callable[[Floats], Number],
    label: str,
    unit: Unit,
    is_signed: bool,
    *,
    upright: bool = True,
) -> None:
    from matplotlib import colormaps
    from matplotlib.colors import Normalize
    from matplotlib.ticker import MaxNLocator

    ax = figure.add_subplot(cell)
    across, along = ("u", "v") if upright else ("v", "u")
    x, y = (result.variables[name] * quantity(name).unit.factor for name in (across, along))
    half = {"u": FIDUCIAL_U_MAX, "v": FIDUCIAL_V_MAX}
    columns = _columns(len(values))
    bins = {"u": columns, "v": round(columns * FIDUCIAL_V_MAX / FIDUCIAL_U_MAX)}
    x_edges, y_edges = (np.linspace(-half[name], half[name], bins[name] + 1) for name in (across, along))
    shown, errors = cell_values(x, y, values, x_edges, y_edges, measure)
    known = np.isfinite(shown)
    error = float(np.median(errors[known])) if known.any() else 1.0
    low, high = np.percentile(shown[known], [2, 98]) if known.any() else (0.0, 1.0)
    # Chance alone is not to take all the colours.
    reach = max((high - low) / 2, _LEAST_RANGE * error, 1e-12)
    middle = (low + high) / 2
    if is_signed:
        reach, middle = max(abs(low), abs(high), reach), 0.0
    mesh = ax.pcolormesh(
        x_edges,
        y_edges,
        shown.T,
        cmap=colormaps[SIGNED_MAP if is_signed else DENSITY_MAP],
        norm=Normalize(middle - reach, middle + reach),
        rasterized=True,
    )
    ax.set_facecolor(_EMPTY)
    ax.set_aspect("equal" if upright else "auto")
    size = f"cell: ± {error:.2g} {unit.name}" if known.any() else "too few events"
    ax.set_title(f"{label}\n{size}" if upright else f"{label}, {size}")
    ax.set_xlabel(with_unit(quantity(across).symbol, quantity(across).unit))
    ax.set_ylabel(with_unit(quantity(along).symbol, quantity(along).unit))
    beside: dict[str, Any] = {"location": "right", "pad": 0.02}
    place = {"location": "bottom", "aspect": 14} if upright else beside
    bar = figure.colorbar(mesh, ax=ax, extend="both", ticks=MaxNLocator(3 if upright else 4), **place)
    bar.set_label(f"[{unit.name}]" if unit.name else "")


def cell_values(
    x: Floats,
    y: Floats,
    values: Floats,
    x_edges: Floats,
    y_edges: Floats,
    measure: Callable[[Floats], Number],
) -> tuple[Floats, Floats]:
    """Measure values in the cells of a plane.

    Parameters
    ----------
    x, y, values
        (n,) each.
    x_edges, y_edges
        Of the cells.
    measure
        From the values of a cell to a number.

    Returns
    -------
    number, error
        (len(x_edges) − 1, len(y_edges) − 1) each; NaN where there are too few events.
    """
    column, row = (np.searchsorted(edges, at, "right") - 1 for edges, at in ((x_edges, x), (y_edges, y)))
    shape = len(x_edges) - 1, len(y_edges) - 1
    number, error = np.full(shape, np.nan), np.full(shape, np.nan)
    for i, j in np.ndindex(shape):
        part = values[(column == i) & (row == j)]
        if len(part) >= _FEWEST:
            measured = measure(part)
            number[i, j], error[i, j] = measured.value, measured.error or 0.0
    return number, error


def _columns(n_events: int) -> int:
    """Cells across the face, of which each holds some events; they are about square."""
    return int(np.clip(np.sqrt(n_events / _TYPICAL * FIDUCIAL_U_MAX / FIDUCIAL_V_MAX), 1, _MOST_COLUMNS))
