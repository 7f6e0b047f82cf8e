"""Inpainters as networks from raw readings to raw readings, with all that `xec inpaint` does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from xec_data.schema.branches import INVALID, INVALID_ABOVE
from xec_export.errors import ExportError
from xec_export.forms.inputs import CHANNELS, READINGS
from xec_export.inpainting.network import SUFFIX
from xec_export.onnx.description import ModelDescription, OutputDescription
from xec_export.onnx.network import describe
from xec_geometry import N_SENSORS
from xec_models.checkpoint.building import build_model
from xec_models.checkpoint.content import Checkpoint
from xec_models.reconstruction.inpainter.inpainter import XECInpainter


class Recovery(nn.Module):
    """Raw readings of all sensors, recovered where they are dead and unchanged elsewhere.

    An event without any valid count beside the dead sensors stays as it is. A recovered time is invalid
    (1e10) where the recovered count is below the training's threshold: a time of few photons means nothing.

    Parameters
    ----------
    network
        The inpainter.
    """

    if TYPE_CHECKING:
        __call__: Callable[..., dict[str, Tensor]]

    def __init__(self, network: XECInpainter) -> None:
        super().__init__()
        self.network = network
        self.channels = network.channels
        self.threshold = float(network.normalization.npho_threshold)

    def forward(self, npho: Tensor, time: Tensor, dead: Tensor) -> dict[str, Tensor]:
        """Recover.

        Parameters
        ----------
        npho, time
            (B, sensors) photons and seconds, invalid readings as they come.
        dead
            (B, sensors) bool, or numbers that are not 0 where a sensor is to be recovered.

        Returns
        -------
        dict
            ``npho_inpainted`` and, if the network predicts times, ``time_inpainted``: (B, sensors) each.
        """
        chosen = dead != 0
        seen = (npho.abs() <= INVALID_ABOVE) & ~chosen
        chosen = chosen & seen.any(dim=1, keepdim=True)
        found = self.network(npho, time, chosen)
        if "time" in found:
            faint = chosen & ~(found["npho"] >= self.threshold)
            found["time"] = torch.where(faint, INVALID, found["time"])
        return {name + SUFFIX: values for name, values in found.items()}


def build_inpainter(checkpoint: Checkpoint, path: Path) -> tuple[Recovery, ModelDescription]:
    """Build the inpainter of a checkpoint, with its description.

    Raises
    ------
    ExportError
        If it holds another kind of network.
    """
    if checkpoint.kind != XECInpainter.kind:
        raise ExportError(
            f"{path}: a checkpoint of kind '{checkpoint.kind}'; expected kind '{XECInpainter.kind}', "
            "which 'xec train' makes with objective: inpainting"
        )
    network = build_model(checkpoint, source=str(path), kind=XECInpainter)
    recovery = Recovery(network).eval()
    return recovery, describe(checkpoint, network, path, _outputs(recovery), inputs=(*READINGS, "dead"))


def _outputs(network: Recovery) -> tuple[OutputDescription, ...]:
    outputs = []
    for channel in network.channels:
        known = CHANNELS[channel]
        outputs.append(
            OutputDescription(
                channel + SUFFIX,
                channel,
                (channel,),
                known.unit,
                (known.scale,),
                f"{known.what} of every sensor: recovered where dead, '{channel}' elsewhere",
                shape=(N_SENSORS,),
                copies=channel,
                needs=(f"npho{SUFFIX}", network.threshold) if channel == "time" else None,
            )
        )
    return tuple(outputs)
