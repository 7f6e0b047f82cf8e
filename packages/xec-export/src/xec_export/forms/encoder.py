"""The encoder of any network: raw readings to tokens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from xec_export.errors import ExportError
from xec_export.forms.form import Exportable
from xec_export.onnx.description import OutputDescription
from xec_export.onnx.network import describe
from xec_geometry import N_SENSORS, GridName, index_map
from xec_geometry.detector.names import check_layout
from xec_models.checkpoint.building import build_model
from xec_models.checkpoint.content import Checkpoint
from xec_models.encoder.network import Network

TOKENS = "tokens"


class Tokens(nn.Module):
    """The tokens of an event, behind the fusion of all faces.

    Parameters
    ----------
    network
        A network with the encoder.
    """

    if TYPE_CHECKING:
        __call__: Callable[..., dict[str, Tensor]]

    def __init__(self, network: Network) -> None:
        super().__init__()
        # The encoder alone: a head is neither computed nor stored.
        self.encoder = network.encoder

    def forward(self, npho: Tensor, time: Tensor) -> dict[str, Tensor]:
        """Encode (B, sensors) photons and seconds into ``tokens`` (B, tokens, encoder_dim)."""
        return {TOKENS: self.encoder(self.encoder.normalizer(npho, time))}


def build_encoder(checkpoint: Checkpoint, path: Path) -> Exportable:
    """Build the encoder of a checkpoint, with its description.

    Raises
    ------
    ExportError
        If the encoder needs the network around it: an anchor puts a conventional reconstruction before it.
    """
    network = build_model(checkpoint, source=str(path))
    if getattr(network, "anchor", None) is not None:
        raise ExportError(
            f"{path}: the network has an anchor (model.anchor), whose tokens join those of the faces: its "
            "encoder cannot be exported alone"
        )
    tokens = Tokens(network).eval()
    nothing = torch.zeros(1, N_SENSORS)
    with torch.inference_mode():
        width = tokens(nothing, nothing)[TOKENS].shape[-1]
    output = OutputDescription(
        TOKENS,
        TOKENS,
        network.encoder.faces,
        "1",
        (1.0,) * len(network.encoder.faces),
        "what the network knows of each face, seen together with the others",
        shape=(len(network.encoder.faces), width),
        positions=tuple(_centre(face, network, checkpoint) for face in network.encoder.faces),
    )
    return Exportable(tokens, describe(checkpoint, network, path, (output,), kind="encoder"))


def _centre(face: GridName, network: Network, checkpoint: Checkpoint) -> tuple[float, float, float]:
    ids = np.unique(index_map(face, check_layout(checkpoint.provenance.layout)))
    x, y, z = network.geometry.positions[ids].mean(axis=0).tolist()
    return x, y, z
