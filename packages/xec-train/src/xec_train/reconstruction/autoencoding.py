"""Masked autoencoding: pre-training of an encoder on readings alone."""

from __future__ import annotations

from torch import Tensor

from xec_models.reconstruction.autoencoder import XECMaskedAutoencoder
from xec_train.config.train_config import AutoencodingConfig
from xec_train.reconstruction.losses import Faces
from xec_train.reconstruction.objective import Reconstruction


class MaskedReconstruction(Reconstruction[XECMaskedAutoencoder]):
    """The objective ``mae``: most sensors are hidden, and decoded from the tokens of the faces.

    Parameters
    ----------
    config
        The training's configuration.
    """

    forward_methods = ("reconstruct_cells",)

    config: AutoencodingConfig

    def build_network(self) -> XECMaskedAutoencoder:
        """Return a new masked autoencoder."""
        return XECMaskedAutoencoder(self.config.model, self.config.normalization, self.geometry)

    def predict(
        self, network: XECMaskedAutoencoder, npho: Tensor, time: Tensor, mask: Tensor
    ) -> dict[str, Tensor]:
        """Return the cells of all faces."""
        return network.reconstruct_cells(npho, time, mask)

    def cells(self, network: XECMaskedAutoencoder, x: Tensor) -> Faces:
        """Return the cells as the encoder would see them."""
        return network.cells(x)

    def hidden(self, network: XECMaskedAutoencoder, mask: Tensor) -> Faces:
        """Return which cells are hidden: those whose sensors all are."""
        return network.hidden_cells(mask)
