"""The attention of the fusion layers: which face looks at which."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xec_analysis.saliency.gradients import Sample
from xec_analysis.style.figures import new_page, save, style
from xec_geometry.detector.faces import FACE_TABLE
from xec_models.encoder.fusion import FusionLayer
from xec_models.regressor.regressor import XECRegressor

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

Floats = NDArray[np.float64]

_CAPTION = (
    "The network summarizes each face in a few numbers and then mixes the faces, layer by layer. Line by "
    "line: how much, in percent, a face takes from every other one. “Window” "
    "is a piece of the region around the point from which the network starts."
)
_OTHER_TOKENS = {"outer_coarse": "outer, coarse", "outer_center": "outer, centre"}


def token_names(network: XECRegressor) -> tuple[str, ...]:
    """Return what each token of the fusion stands for: faces, then pieces of the anchor's window."""
    faces = network.encoder.faces
    names = [FACE_TABLE[face].title if face in FACE_TABLE else _OTHER_TOKENS[face] for face in faces]
    n_window = 0 if network.anchor is None else network.anchor.n_tokens
    return (*names, *(f"window {number}" for number in range(1, n_window + 1)))


@torch.no_grad()
def measure_attention(network: XECRegressor, sample: Sample) -> Tensor:
    """Return the attention of all fusion layers, averaged over their heads.

    Parameters
    ----------
    network
        In evaluation mode.
    sample
        B events.

    Returns
    -------
    Tensor (layers, B, tokens, tokens)
        How much the token of a row takes from that of a column; rows add up to 1.
    """
    found: list[Tensor] = []

    def look(layer: FusionLayer, arguments: tuple[Any, ...]) -> None:
        found.append(layer.attention(arguments[0]).mean(dim=1))

    layers = [layer for layer in network.encoder.fusion.layers if isinstance(layer, FusionLayer)]
    hooks = [layer.register_forward_pre_hook(look) for layer in layers]
    try:
        network.forward_standardized(*sample)
    finally:
        for hook in hooks:
            hook.remove()
    n_tokens = len(token_names(network))
    return torch.stack(found) if found else torch.zeros(0, len(sample.npho), n_tokens, n_tokens)


def draw_attention(
    mean: Floats, one: Floats, tokens: tuple[str, ...], title: str, remark: str, path: Path
) -> Path:
    """Draw attention as a matrix for each layer.

    Parameters
    ----------
    mean, one
        (layers, tokens, tokens), mean over events above, and of one event below.
    tokens
        Of `token_names`.
    title, remark
        Of the page.
    path
        The file.
    """
    with style():
        n_layers = len(mean)
        figure = new_page(max(8.0, 5.4 * n_layers), 9.6, title, remark, caption=_CAPTION)
        axes = figure.subplots(2, n_layers, squeeze=False)
        high = float(max(mean.max(), one.max()))
        for row, (matrices, what) in enumerate(((mean, "mean over events"), (one, "one event"))):
            for layer, matrix in enumerate(matrices):
                ax = axes[row, layer]
                image = draw_matrix(ax, matrix, tokens, high)
                ax.set_xlabel("… takes from")
                ax.set_ylabel("the token of …")
                ax.set_title(f"fusion layer {layer + 1}, {what}")
        figure.colorbar(image, ax=axes, label="attention [%]", shrink=0.6, aspect=40)
        return save(figure, path)


def draw_matrix(
    ax: Axes, matrix: Floats, tokens: tuple[str, ...], high: float, size: float = 8.0
) -> AxesImage:
    """Draw the attention of one layer, in percent; colours go from 0 to `high`, letters have a `size`."""
    image = ax.imshow(100 * matrix, cmap="cividis", vmin=0, vmax=100 * high)
    for (i, j), value in np.ndenumerate(matrix):
        ink = "black" if value > 0.6 * high else "white"
        ax.text(j, i, f"{100 * value:.0f}", ha="center", va="center", color=ink, fontsize=size)
    ax.set_xticks(range(len(tokens)), tokens, rotation=40, ha="right", fontsize=size)
    ax.set_yticks(range(len(tokens)), tokens, fontsize=size)
    ax.tick_params(length=0)
    return image
