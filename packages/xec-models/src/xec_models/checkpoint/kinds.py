"""The kinds of networks that a checkpoint can hold."""

from __future__ import annotations

from dataclasses import dataclass

from xec_geometry.support.registry import Registry
from xec_models.encoder.network import Network
from xec_models.errors import CheckpointError
from xec_models.reconstruction.autoencoder import XECMaskedAutoencoder
from xec_models.reconstruction.inpainter.inpainter import XECInpainter
from xec_models.regressor.regressor import XECRegressor


@dataclass(frozen=True)
class ModelKind:
    """A class of networks that a plain configuration describes completely."""

    network: type[Network]

    @property
    def name(self) -> str:
        """The kind that checkpoints state."""
        return self.network.kind


MODEL_KINDS = Registry(
    "kind of network",
    (ModelKind(XECRegressor), ModelKind(XECMaskedAutoencoder), ModelKind(XECInpainter)),
    error=CheckpointError,
)
