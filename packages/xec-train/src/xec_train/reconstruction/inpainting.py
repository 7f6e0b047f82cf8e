"""Inpainting: the readings of dead channels from those of all others."""

from __future__ import annotations

import torch
from torch import Tensor

from xec_data.schema.branches import INVALID_ABOVE
from xec_models.reconstruction.inpainter.inpainter import XECInpainter
from xec_train.config.train_config import InpaintingConfig
from xec_train.reconstruction.losses import Faces
from xec_train.reconstruction.objective import Reconstruction


class Inpainting(Reconstruction[XECInpainter]):
    """The objective ``inpainting``: few sensors are hidden, and recovered one by one.

    Parameters
    ----------
    config
        The training's configuration.
    """

    forward_methods = ("reconstruct_faces",)

    config: InpaintingConfig

    def build_network(self) -> XECInpainter:
        """Return a new inpainter."""
        return XECInpainter(self.config.model, self.config.normalization, self.geometry)

    def draw_part(self, npho: Tensor, ratio: float, preferred: Tensor | None, scores: Tensor) -> Tensor:
        """Choose among some sensors; with ``model.mask_npho_flat`` as many of every quantile of npho."""
        if not self.config.model.mask_npho_flat:
            return super().draw_part(npho, ratio, preferred, scores)
        if preferred is not None:
            scores = -torch.log1p(-scores) / preferred
        return draw_over_quantiles(npho, ratio, scores)

    def predict(self, network: XECInpainter, npho: Tensor, time: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """Return the sensors of all faces."""
        return network.reconstruct_faces(npho, time, mask)

    def cells(self, network: XECInpainter, x: Tensor) -> Faces:
        """Return every sensor as a cell."""
        return network.by_face(x)

    def hidden(self, network: XECInpainter, mask: Tensor) -> Faces:
        """Return the mask, face by face."""
        return network.by_face(mask)


def draw_over_quantiles(npho: Tensor, ratio: float, scores: Tensor) -> Tensor:
    """Choose sensors at random, but uniformly over their counts.

    The valid sensors of an event, in the order of their counts, are divided into as many equal parts
    as sensors are to be chosen, and one is chosen of each.

    Parameters
    ----------
    npho
        (B, sensors) photons, invalid ones as they come.
    ratio
        Fraction of the valid sensors of an event that is chosen, rounded down.
    scores
        (B, sensors) numbers ≥ 0; the smallest of each part is chosen.

    Returns
    -------
    Tensor (B, sensors) bool
    """
    valid = npho.abs() <= INVALID_ABOVE
    number = valid.sum(1, keepdim=True)
    chosen_number = torch.floor(ratio * number.double() + 1e-9).long()
    by_count = torch.where(valid, npho, torch.inf).argsort(dim=1, stable=True)
    rank = torch.empty_like(by_count)
    position = torch.arange(npho.shape[1], device=npho.device).expand_as(by_count)
    rank.scatter_(1, by_count, position)
    part = torch.where(valid, rank * chosen_number // number.clamp_min(1), chosen_number)
    # First by score, then, keeping that order, by part: the first of a part has its smallest score.
    by_score = torch.where(valid, scores, torch.inf).argsort(dim=1, stable=True)
    in_parts = by_score.gather(1, part.gather(1, by_score).argsort(dim=1, stable=True))
    sorted_part = part.gather(1, in_parts)
    begins = torch.ones_like(valid)
    begins[:, 1:] = sorted_part[:, 1:] != sorted_part[:, :-1]
    chosen = begins & (sorted_part < chosen_number)
    return torch.zeros_like(valid).scatter_(1, in_parts, chosen)
