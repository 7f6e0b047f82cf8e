"""The base class of all networks: an encoder, and heads or decoders on it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

import torch
from torch import Tensor, nn

from xec_data.normalization.transforms import NormalizationConfig
from xec_geometry import SensorTable
from xec_models.encoder.encoder import XECEncoder


class Network(nn.Module):
    """A network that takes the raw readings of all sensors.

    Attributes
    ----------
    kind
        Name of the class in checkpoints.
    encoder
        Normalization, faces and fusion.
    normalization
        Constants of the inputs.
    geometry
        Where the sensors stand, for which the network is made.
    """

    kind: ClassVar[str]
    encoder: XECEncoder
    normalization: NormalizationConfig
    geometry: SensorTable

    if TYPE_CHECKING:
        __call__: Callable[..., dict[str, Tensor]]

    @classmethod
    @abstractmethod
    def from_config(cls, config: Mapping[str, Any], geometry: SensorTable | None = None) -> Self:
        """Build from the sections of a plain configuration, with random weights.

        Parameters
        ----------
        config
            Plain values by section.
        geometry
            Where the sensors stand; nominal by default. A path in `config` is not read.
        """

    def encode_normalized(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Encode normalized readings into tokens (B, tokens, encoder_dim); see `XECEncoder.forward`."""
        tokens: Tensor = self.encoder(x, mask)
        return tokens

    @property
    def device(self) -> torch.device:
        """Device of the parameters."""
        return next(self.parameters()).device
