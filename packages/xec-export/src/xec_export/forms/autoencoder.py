"""Masked autoencoders: raw readings and a mask to the readings of all sensors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor, nn

from xec_export.forms.form import Exportable
from xec_export.forms.inputs import CHANNELS, READINGS
from xec_export.onnx.description import OutputDescription
from xec_export.onnx.network import describe
from xec_geometry import N_SENSORS
from xec_models.checkpoint.building import build_model
from xec_models.checkpoint.content import Checkpoint
from xec_models.reconstruction.autoencoder import XECMaskedAutoencoder

SUFFIX = "_reconstructed"


class Reconstruction(nn.Module):
    """The readings of all sensors as a masked autoencoder sees them, hidden or not.

    Parameters
    ----------
    network
        The autoencoder.
    """

    if TYPE_CHECKING:
        __call__: Callable[..., dict[str, Tensor]]

    def __init__(self, network: XECMaskedAutoencoder) -> None:
        super().__init__()
        self.network = network

    def forward(self, npho: Tensor, time: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """Reconstruct (B, sensors) photons and seconds from the sensors whose mask is 0."""
        found = self.network(npho, time, mask != 0)
        return {name + SUFFIX: values for name, values in found.items()}


def build_autoencoder(checkpoint: Checkpoint, path: Path) -> Exportable:
    """Build the masked autoencoder of a checkpoint, with its description."""
    network = build_model(checkpoint, source=str(path), kind=XECMaskedAutoencoder)
    outputs = tuple(
        OutputDescription(
            name + SUFFIX,
            name,
            (name,),
            CHANNELS[name].unit,
            (CHANNELS[name].scale,),
            f"{CHANNELS[name].what} of every sensor, predicted from those that are not hidden",
            shape=(N_SENSORS,),
        )
        for name in network.channels
    )
    description = describe(checkpoint, network, path, outputs, inputs=(*READINGS, "mask"))
    return Exportable(Reconstruction(network).eval(), description)
