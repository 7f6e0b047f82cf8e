"""The loss of hidden sensors: pointwise, weighted, averaged per face and channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from xec_models.encoder.normalizer import Normalizer
from xec_models.losses.table import LOSSES
from xec_train.config.reconstruction import ReconstructionTrainingConfig

Faces = Mapping[str, Tensor]
"""By face (B, cells, channels)."""


class Targets(NamedTuple):
    """The true readings of hidden cells, and their weights.

    Attributes
    ----------
    values
        By face (B, cells, 2), normalized npho and time; anything where there was no reading.
    weights
        By face (B, cells, 2): 0 where a cell is not hidden or had no reading, else its weight.
    """

    values: Faces
    weights: Faces

    def weight_sums(self, columns: tuple[int, ...]) -> dict[str, Tensor]:
        """Return the sum of the weights of all cells by face, (channels,)."""
        return {face: weights[..., list(columns)].sum((0, 1)) for face, weights in self.weights.items()}


def build_targets(
    cells: Faces,
    hidden: Faces,
    normalizer: Normalizer,
    config: ReconstructionTrainingConfig,
    event_weights: Tensor | None = None,
) -> Targets:
    """Build the targets: values and weights of the cells.

    Parameters
    ----------
    cells
        By face (B, cells, 2), normalized readings, sentinels where there was none.
    hidden
        By face (B, cells) bool.
    normalizer
        The scale of the cells.
    config
        ``npho_loss_weight`` and ``time.use_npho_weight``.
    event_weights
        (B,) weight of each event; None: equal weights.
    """
    weights = {face: _weights(cells[face], hidden[face], normalizer, config) for face in cells}
    if event_weights is not None:
        weights = {face: values * event_weights[:, None, None] for face, values in weights.items()}
    return Targets(cells, weights)


def _weights(
    cells: Tensor, hidden: Tensor, normalizer: Normalizer, config: ReconstructionTrainingConfig
) -> Tensor:
    npho, time = cells.unbind(-1)
    counted, timed = npho != normalizer.sentinel_npho, time != normalizer.sentinel_time
    photons = normalizer.photons(torch.where(counted, npho, 0)).clamp_min(0)
    of_npho = (photons + 1) ** config.npho_loss_weight.alpha if config.npho_loss_weight.enabled else 1.0
    of_time = photons.sqrt() if config.time.use_npho_weight else 1.0
    return torch.stack([(hidden & counted) * of_npho, (hidden & counted & timed) * of_time], dim=-1)


def face_losses(
    predicted: Faces,
    targets: Targets,
    columns: tuple[int, ...],
    config: ReconstructionTrainingConfig,
    weight_sums: Faces | None = None,
) -> dict[str, Tensor]:
    """Compute the mean loss of the hidden cells of every face.

    Parameters
    ----------
    predicted
        By face (B, cells, channels), normalized.
    targets
        Targets of `build_targets`.
    columns
        Column of each channel: npho (0), time (1).
    config
        ``loss_fn`` and ``loss_beta``.
    weight_sums
        By face (channels,), divisors of the sums of the weighted losses; None: the sums of the weights.

    Returns
    -------
    dict
        (channels,) by face, 0 where nothing is hidden.
    """
    divisors = targets.weight_sums(columns) if weight_sums is None else weight_sums
    losses = _weighted(predicted, targets, columns, config)
    return {face: ratio(loss.sum((0, 1)), divisors[face]) for face, loss in losses.items()}


def ratio(total: Tensor, weight: Tensor) -> Tensor:
    """Return a weighted mean, 0 where there is no weight."""
    return total / weight.clamp_min(torch.finfo(total.dtype).tiny)


def event_sums(
    predicted: Faces, targets: Targets, columns: tuple[int, ...], config: ReconstructionTrainingConfig
) -> dict[str, Tensor]:
    """Sum over the hidden cells of every face and event.

    Returns
    -------
    dict
        (B, channels, 5) by face: number, |error|, error², weight, weighted loss.
    """
    picked, losses = list(columns), _weighted(predicted, targets, columns, config)
    sums = {}
    for face, prediction in predicted.items():
        weights = targets.weights[face][..., picked]
        counts = (weights > 0).to(prediction.dtype)
        difference = torch.where(counts > 0, prediction - targets.values[face][..., picked], 0)
        parts = [counts, difference.abs(), difference.square(), weights, losses[face]]
        sums[face] = torch.stack([part.sum(1) for part in parts], dim=-1)
    return sums


def _weighted(
    predicted: Faces, targets: Targets, columns: tuple[int, ...], config: ReconstructionTrainingConfig
) -> dict[str, Tensor]:
    """Return weight times loss by face, (B, cells, channels)."""
    pointwise, picked = LOSSES[config.loss_fn].function, list(columns)
    return {
        face: targets.weights[face][..., picked]
        * pointwise(prediction, targets.values[face][..., picked], config.loss_beta)
        for face, prediction in predicted.items()
    }
