"""Marks of true, conventional and predicted points, and the legend that lists their values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from xec_analysis.events.estimate import Estimate, Origin
from xec_analysis.style.figures import BLACK, ORANGE, PURPLE, SKY, WHITE
from xec_geometry import uvw_to_xyz

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from mpl_toolkits.mplot3d.axes3d import Axes3D

# Shapes tell the origins apart without colours; the points may lie on top of one another.
_SHAPES: dict[Origin, dict[str, Any]] = {
    "true": {"marker": "+", "ms": 13, "mew": 1.8, "color": ORANGE},
    "conventional": {"marker": "o", "ms": 12, "mew": 1.4, "color": SKY, "mfc": "none"},
    "predicted": {"marker": "x", "ms": 9, "mew": 1.8, "color": BLACK},
}
# Of one network that was fed in several ways.
_VARIANT_COLORS = (BLACK, PURPLE, ORANGE, SKY)


def styled(estimates: Sequence[Estimate]) -> list[tuple[Estimate, dict[str, Any]]]:
    """Pair estimates with marker, size and colour as matplotlib's `plot` takes them."""
    found, n_predicted = [], 0
    for estimate in estimates:
        shape = dict(_SHAPES[estimate.origin])
        if estimate.origin == "predicted":
            shape["color"] = _VARIANT_COLORS[n_predicted % len(_VARIANT_COLORS)]
            n_predicted += 1
        found.append((estimate, {**shape, "ls": "none"}))
    return found


def mark_on_faces(ax: Axes, estimates: Sequence[Estimate], size: float = 1.0) -> None:
    """Mark points on the unrolled inner face, whose coordinates are u and v; `size` scales the marks."""
    for estimate, shape in styled(estimates):
        shape["ms"] *= size
        if estimate.uvw is not None:
            ax.plot(*estimate.uvw[:2], path_effects=_outline(shape["mew"]), zorder=5, **shape)


def mark_in_space(ax: Axes3D, estimates: Sequence[Estimate]) -> None:
    """Mark points inside the detector drawn in space."""
    for estimate, shape in styled(estimates):
        if estimate.uvw is not None:
            x, y, z = uvw_to_xyz(estimate.uvw)
            ax.plot([z], [x], [y], path_effects=_outline(shape["mew"]), zorder=5, **shape)


def draw_legend(figure: Figure, estimates: Sequence[Estimate]) -> None:
    """List all estimates with their values below the axes, those with a point beside their mark."""
    from matplotlib.lines import Line2D

    if not estimates:
        return
    handles = [
        Line2D([], [], label=estimate.text(), **(shape if estimate.uvw is not None else {"ls": "none"}))
        for estimate, shape in styled(estimates)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=9)


def _outline(width: float) -> list[Any]:
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=width + 1.4, foreground=WHITE)]
