"""The inpainter: prediction of masked sensors from all the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from xec_data.normalization.transforms import NormalizationConfig
from xec_data.schema.branches import SENSOR_BRANCHES
from xec_geometry import FACES, SensorTable, face_ids
from xec_geometry.detector.survey import nominal_table
from xec_models.config.network import InpainterConfig
from xec_models.encoder.encoder import XECEncoder
from xec_models.encoder.gather import SensorMap
from xec_models.encoder.inputs import split_readings
from xec_models.encoder.network import Network
from xec_models.reconstruction.inpainter.heads import INPAINTER_HEADS
from xec_models.reconstruction.inpainter.local_features import NeighbourMeans


class XECInpainter(Network):
    """Encoder and a head that predicts masked sensors.

    The encoder describes the event; a light head corrects, for every masked sensor, the mean of its visible
    neighbours. The reading of a masked sensor has no influence on anything, and neither has an invalid one.

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

    kind = "inpainter"

    def __init__(
        self,
        model: InpainterConfig,
        normalization: NormalizationConfig,
        geometry: SensorTable | None = None,
    ) -> None:
        super().__init__()
        self.model_config = model
        self.normalization = normalization
        self.channels = tuple(name for name in SENSOR_BRANCHES if name in model.predict_channels)
        self.columns = tuple(SENSOR_BRANCHES.index(name) for name in self.channels)
        self.geometry = nominal_table() if geometry is None else geometry
        self.encoder = XECEncoder(model, normalization, self.geometry)
        self.neighbour_means = NeighbourMeans(self.encoder.normalizer, self.geometry)
        self.head = INPAINTER_HEADS[model.head].build(model, self.columns, self.encoder, self.geometry)
        self.face_maps = nn.ModuleDict({face: SensorMap(face_ids(face)) for face in FACES})
        if model.freeze_encoder:
            self.encoder.requires_grad_(False)
        self.train(self.training)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], geometry: SensorTable | None = None) -> XECInpainter:
        """Build from ``model`` and ``normalization`` of a plain configuration."""
        return cls(
            InpainterConfig.model_validate(config["model"]),
            NormalizationConfig.model_validate(config["normalization"]),
            geometry,
        )

    def train(self, mode: bool = True) -> Self:
        """Switch to training; a frozen encoder stays in evaluation mode, without dropout."""
        super().train(mode)
        if self.model_config.freeze_encoder:
            self.encoder.eval()
        return self

    def forward(
        self, npho: ArrayLike | Tensor, time: ArrayLike | Tensor, mask: ArrayLike | Tensor
    ) -> dict[str, Tensor]:
        """Recover masked sensors.

        Parameters
        ----------
        npho, time
            (B, sensors) photons and seconds, invalid readings as they come (1e10, NaN, ±inf).
        mask
            (B, sensors) bool, True where a sensor is to be recovered.

        Returns
        -------
        dict
            For each of `channels` (B, sensors) in photons or seconds: predictions where the mask is True,
            the input, bit for bit, elsewhere.
        """
        readings = split_readings(npho, time, self.device)
        hidden = torch.as_tensor(mask, dtype=torch.bool, device=self.device)
        normalizer = self.encoder.normalizer
        found = self.reconstruct_normalized(normalizer(*readings), hidden)
        physical = {"npho": normalizer.photons, "time": normalizer.seconds}
        return {
            name: torch.where(hidden, physical[name](found[..., i]), readings[column])
            for i, (name, column) in enumerate(zip(self.channels, self.columns, strict=True))
        }

    def reconstruct_normalized(self, x: Tensor, mask: Tensor) -> Tensor:
        """Recover masked sensors on the normalized scale.

        Parameters
        ----------
        x
            (B, sensors, 2) readings of the `Normalizer`.
        mask
            (B, sensors) bool.

        Returns
        -------
        Tensor (B, sensors, channels)
            Predictions where the mask is True, `x` elsewhere.
        """
        local = self.neighbour_means(x, mask)
        tokens = self.encode_normalized(local.readings, ~local.seen)
        found = self.head(local, tokens, mask)
        return torch.where(mask.unsqueeze(-1), found, x[..., list(self.columns)])

    def reconstruct_faces(self, npho: Tensor, time: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """Recover masked sensors, normalized, by face (B, sensors, channels); parameters as in `forward`."""
        return self.by_face(self.reconstruct_normalized(self.encoder.normalizer(npho, time), mask))

    def by_face(self, values: Tensor) -> dict[str, Tensor]:
        """Sort values (B, sensors, ...) by face: (B, sensors of the face, ...), in the order of their ids."""
        return {face: sensors(values) for face, sensors in self.face_maps.items()}
