"""The masked autoencoder: reconstruction of hidden sensors from visible ones.

K. He et al., "Masked Autoencoders Are Scalable Vision Learners", arXiv:2111.06377 (2021), with the masked
convolutions of S. Woo et al., arXiv:2301.00808 (2023). Its training needs no true values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from xec_data.normalization.transforms import NormalizationConfig
from xec_data.schema.branches import SENSOR_BRANCHES
from xec_geometry import SensorTable
from xec_geometry.detector.survey import nominal_table
from xec_models.config.network import AutoencoderConfig
from xec_models.encoder.encoder import XECEncoder
from xec_models.encoder.inputs import split_readings
from xec_models.encoder.network import Network
from xec_models.reconstruction.face_decoders import CellsToSensors, build_decoder


class XECMaskedAutoencoder(Network):
    """Encoder and one decoder per face.

    Parameters
    ----------
    model
        Shape of the network.
    normalization
        Constants of the inputs.
    geometry
        Where the sensors stand; nominal by default.

    Attributes
    ----------
    channels : tuple of str
        Predicted channels: ``npho``, ``time``.
    """

    kind = "mae"

    def __init__(
        self,
        model: AutoencoderConfig,
        normalization: NormalizationConfig,
        geometry: SensorTable | None = None,
    ) -> None:
        super().__init__()
        self.model_config = model
        self.normalization = normalization
        self.channels = model.predict_channels
        self.geometry = nominal_table() if geometry is None else geometry
        self.encoder = XECEncoder(model, normalization, self.geometry)
        self.decoders = nn.ModuleDict(
            {
                face: build_decoder(face, model, model.decoder_dim, len(self.channels))
                for face in self.encoder.faces
            }
        )
        by_time = model.layout != "physical" and "time" in self.channels
        self._telling = SENSOR_BRANCHES.index("time" if by_time else "npho")
        self.to_sensors = CellsToSensors(self.encoder.faces, model, self.encoder.normalizer)

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], geometry: SensorTable | None = None
    ) -> XECMaskedAutoencoder:
        """Build from ``model`` and ``normalization`` of a plain configuration."""
        return cls(
            AutoencoderConfig.model_validate(config["model"]),
            NormalizationConfig.model_validate(config["normalization"]),
            geometry,
        )

    def forward(
        self, npho: ArrayLike | Tensor, time: ArrayLike | Tensor, mask: ArrayLike | Tensor
    ) -> dict[str, Tensor]:
        """Reconstruct all sensors.

        Parameters
        ----------
        npho, time
            (B, sensors) raw readings: photons, seconds.
        mask
            (B, sensors) bool, True where a sensor is hidden. Sensors without a count are hidden in any case;
            in the layout ``xec-ml-wl`` those without a time, if times are predicted.

        Returns
        -------
        dict
            (B, sensors) by channel, in photons and seconds: predictions for every sensor, visible ones
            included.
        """
        counts, times = split_readings(npho, time, self.device)
        hidden = torch.as_tensor(mask, device=counts.device)
        return self.to_physical(self.to_sensors(self.reconstruct_cells(counts, times, hidden)))

    def reconstruct_cells(self, npho: Tensor, time: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """Reconstruct the cells, normalized, by face (B, cells, channels); parameters as in `forward`."""
        x = self.encoder.normalizer(npho, time)
        sentinels = self.encoder.normalizer.sentinels()
        unseen = mask | (x == sentinels)[..., self._telling]
        return self.decode(self.encode_normalized(torch.where(mask.unsqueeze(-1), sentinels, x), unseen))

    def cells(self, x: Tensor) -> dict[str, Tensor]:
        """Sort normalized readings (B, sensors, 2) into the cells of the encoder: by face (B, cells, 2)."""
        return self._by_face(self.encoder.gather(x), 3)

    def hidden_cells(self, mask: Tensor) -> dict[str, Tensor]:
        """Sort a mask (B, sensors) by face (B, cells): a cell is hidden if all its sensors are."""
        return self._by_face(self.encoder.gather.hidden(mask), 2)

    def _by_face(self, groups: Mapping[str, Tensor], ndim: int) -> dict[str, Tensor]:
        return {
            face: groups[group.name][:, i].flatten(1, groups[group.name].ndim - ndim)
            for group in self.encoder.gather.groups
            for i, face in enumerate(group.faces)
        }

    def forward_normalized(self, x: Tensor, mask: Tensor | None = None) -> dict[str, Tensor]:
        """Reconstruct by face (B, cells, channels) from normalized readings (B, sensors, 2)."""
        return self.decode(self.encode_normalized(x, mask))

    def decode(self, tokens: Tensor) -> dict[str, Tensor]:
        """Decode tokens (B, tokens, encoder_dim) by face (B, cells, channels)."""
        return {
            face: decoder(token)
            for (face, decoder), token in zip(self.decoders.items(), tokens.unbind(1), strict=True)
        }

    def to_physical(self, values: Tensor) -> dict[str, Tensor]:
        """Convert normalized values (B, sensors, channels) to photons and seconds by channel (B, sensors)."""
        normalizer = self.encoder.normalizer
        inverse = {"npho": normalizer.photons, "time": normalizer.seconds}
        return {name: inverse[name](values[..., i]) for i, name in enumerate(self.channels)}
