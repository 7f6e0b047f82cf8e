"""Masked autoencoding: what an encoder learns from readings alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from torch import Tensor, nn

from xec_models.reconstruction.autoencoder import XECMaskedAutoencoder
from xec_train.config.train_config import AutoencodingConfig
from xec_train.reconstruction.losses import Faces
from xec_train.reconstruction.objective import Reconstruction


class MaskedReconstruction(Reconstruction):
    """The objective ``mae``: most sensors are hidden, and decoded from the tokens of the faces.

    Parameters
    ----------
    config
        The training's configuration.
    """

    kind: str = XECMaskedAutoencoder.kind
    forward_methods: tuple[str, ...] = ("reconstruct_cells",)
    next_steps: Mapping[str, str] = {
        "xec train REGRESSION.yaml checkpoint.resume_from={best}": "a regressor that begins with its encoder",
        "xec plot {run}": "the reconstructed events (checkpoint.save_predictions), and the curves",
    }

    config: AutoencodingConfig

    def build_network(self) -> XECMaskedAutoencoder:
        """A new masked autoencoder."""
        return XECMaskedAutoencoder(
            self.config.model,
            self.config.normalization,
            learn_channel_weights=self.config.training.auto_channel_weight,
        )

    def predict(self, network: nn.Module, npho: Tensor, time: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """The cells of all faces."""
        return cast("XECMaskedAutoencoder", network).reconstruct_cells(npho, time, mask)

    def cells(self, network: nn.Module, x: Tensor) -> Faces:
        """What the encoder would see."""
        return cast("XECMaskedAutoencoder", network).cells(x)

    def hidden(self, network: nn.Module, mask: Tensor) -> Faces:
        """A cell is hidden if all its sensors are."""
        return cast("XECMaskedAutoencoder", network).hidden_cells(mask)
