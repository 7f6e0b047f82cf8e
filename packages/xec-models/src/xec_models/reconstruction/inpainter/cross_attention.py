"""The head of an inpainter for all sensors: attention to the nearest ones, and to the tokens.

Scaled dot products as in A. Vaswani et al., "Attention Is All You Need", arXiv:1706.03762 (2017).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from xec_geometry import FACES, N_SENSORS, SensorTable, face_of_sensor
from xec_geometry.detector.survey import nominal_table
from xec_models.blocks.exporting import is_exporting
from xec_models.blocks.masked_softmax import masked_softmax
from xec_models.config.network import ModelConfig
from xec_models.reconstruction.inpainter.correction import Correction
from xec_models.reconstruction.inpainter.local_features import N_FEATURES, LocalFeatures, nearest_sensors

NEIGHBOURS = 16
WIDTH = 128
HEADS = 4
PARTS = 8
"""A graph predicts so many parts of the sensors one after the other."""
BANDS = 16
LONGEST, SHORTEST = 512.0, 2.0
"""Wavelengths of the position encoding in cm: larger than the detector, and about a pitch of the SiPMs."""


def position_bands(geometry: SensorTable) -> Tensor:
    """Return sines and cosines of every sensor's coordinates, (sensors, 6 · 16)."""
    wavelengths = np.geomspace(LONGEST, SHORTEST, BANDS)
    phase = 2 * np.pi * geometry.positions[:, :, None] / wavelengths
    bands = np.concatenate([np.sin(phase), np.cos(phase)], axis=-1).reshape(N_SENSORS, -1)
    return torch.tensor(bands).to(torch.get_default_dtype())


class CrossAttentionHead(nn.Module):
    """A head that is the same for every sensor, whatever its face.

    The query is a sinusoidal encoding of the position, and one vector per face. It attends to the visible
    ones among the 16 nearest sensors in space, then to the tokens; an MLP follows.

    Parameters
    ----------
    model
        Shape of the network.
    channels
        Predicted columns: 0 npho, 1 time.
    geometry
        Where the sensors stand; nominal by default.
    """

    neighbour: Tensor
    offset: Tensor
    bands: Tensor
    face: Tensor

    def __init__(
        self, model: ModelConfig, channels: tuple[int, ...], geometry: SensorTable | None = None
    ) -> None:
        super().__init__()
        places = nominal_table() if geometry is None else geometry
        neighbour, _ = nearest_sensors(NEIGHBOURS, places)
        positions = places.positions
        # In units of a neighbourhood's usual size, so that the numbers are of order 1.
        offset = (positions[neighbour] - positions[:, None]) / np.ptp(positions[neighbour], axis=1).mean()
        tables = {
            "neighbour": torch.tensor(neighbour),
            "offset": torch.tensor(offset).to(torch.get_default_dtype()),
            "bands": position_bands(places),
            "face": torch.tensor(face_of_sensor()),
        }
        for name, table in tables.items():
            self.register_buffer(name, table, persistent=False)
        self.place = nn.Linear(self.bands.shape[1], WIDTH)
        self.face_embedding = nn.Embedding(len(FACES), WIDTH)
        self.around = _Attention(N_FEATURES + self.offset.shape[-1] + 1)
        self.across = _Attention(model.encoder_dim)
        self.mlp = nn.Sequential(
            nn.LayerNorm(WIDTH),
            nn.Linear(WIDTH, model.hidden_dim),
            nn.GELU(),
            nn.Linear(model.hidden_dim, WIDTH),
        )
        self.correct = Correction(WIDTH, channels)

    def forward(self, local: LocalFeatures, tokens: Tensor, mask: Tensor) -> Tensor:
        """Predict the sensors of a mask.

        Parameters
        ----------
        local
            Local features of the sensors.
        tokens
            (B, tokens, encoder_dim) of the encoder.
        mask
            (B, sensors) bool, True for the sensors to predict.

        Returns
        -------
        Tensor (B, sensors, channels)
            On the normalized scale; without meaning where the mask is False.
        """
        return predict_masked(lambda sensors: self.predict(local, tokens, sensors), mask)

    def predict(self, local: LocalFeatures, tokens: Tensor, chosen: Tensor) -> Tensor:
        """Predict the sensors `chosen` (B, m): (B, m, channels)."""
        neighbour = self.neighbour[chosen]
        estimate = _pick(local.estimate, chosen)
        x = self.place(self.bands)[chosen] + self.face_embedding(self.face[chosen])
        values, seen = _pick(local.values, neighbour), _pick(local.seen, neighbour)
        # The count relative to the first estimate: a shape is interpolated, whatever the amount of light.
        contrast = values[..., :1] - estimate[..., None, :1]
        context = torch.cat([values, contrast, self.offset[chosen]], dim=-1)
        x = x + self.around(x, context, ~seen)
        x = x + self.across(x, tokens, None)
        x = x + self.mlp(x)
        out: Tensor = self.correct(x, estimate)
        return out


class _Attention(nn.Module):
    """Attention of queries to a context: one for each query, or one for all queries of an event."""

    def __init__(self, context: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH)
        self.query = nn.Linear(WIDTH, WIDTH)
        self.context = nn.Sequential(nn.Linear(context, WIDTH), nn.GELU())
        self.key = nn.Linear(WIDTH, WIDTH)
        self.value = nn.Linear(WIDTH, WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor, context: Tensor, excluded: Tensor | None) -> Tensor:
        """Attend.

        Parameters
        ----------
        x
            (B, m, 128) queries.
        context
            (B, m, n, C), or (B, n, C) for all queries of an event.
        excluded
            (B, m, n) bool, True where a query must not attend; None: nowhere.
        """
        query = _heads(self.query(self.norm(x)))
        hidden = self.context(context)
        key, value = _heads(self.key(hidden)), _heads(self.value(hidden))
        # Products of matrices, not einsum: an exported one ends the process when there are no events.
        if context.ndim == 3:
            query, key, value = (y.transpose(1, 2) for y in (query, key, value))
            mixed = self._mix(query, key, value, excluded).transpose(1, 2)
        else:
            query, key, value = query.unsqueeze(-2), key.transpose(2, 3), value.transpose(2, 3)
            mixed = self._mix(query, key, value, excluded).squeeze(-2)
        out: Tensor = self.out(mixed.flatten(-2))
        return out

    @staticmethod
    def _mix(query: Tensor, key: Tensor, value: Tensor, excluded: Tensor | None) -> Tensor:
        """Average values (..., n, d) as queries (..., m, d) and keys (..., n, d) say: (..., m, d)."""
        score = query @ key.transpose(-2, -1) / math.sqrt(WIDTH // HEADS)
        if excluded is None:
            share = F.softmax(score, dim=-1)
        else:
            share = masked_softmax(score, excluded[:, :, None, None])
        mixed: Tensor = share @ value
        return mixed


def predict_masked(predict: Callable[[Tensor], Tensor], mask: Tensor) -> Tensor:
    """Predict the sensors of a mask (B, sensors): (B, sensors, channels), without meaning beside them.

    Parameters
    ----------
    predict
        Predicts the sensors (B, m) of each event: (B, m, channels).
    mask
        True for the sensors to predict.
    """
    if is_exporting():
        return _predict_all(predict, mask)
    chosen = masked_sensors(mask)
    found = predict(chosen)
    out = found.new_zeros(*mask.shape, found.shape[-1])
    return out.scatter(1, chosen.unsqueeze(-1).expand_as(found), found)


def _predict_all(predict: Callable[[Tensor], Tensor], mask: Tensor) -> Tensor:
    """Predict all sensors, masked or not: shapes of a graph must not depend on data.

    They come in parts: all at once, the neighbours of every sensor of 64 events are 2.5 GB in each layer.
    """
    # `len` would fix the number of events.
    parts = torch.arange(mask.shape[1], device=mask.device).chunk(PARTS)
    return torch.cat([predict(part.expand(mask.shape[0], -1)) for part in parts], dim=1)


def masked_sensors(mask: Tensor) -> Tensor:
    """Return the ids (B, m) of the sensors of a mask, m that of the event with the most.

    Events with fewer are filled up with other sensors; none occurs twice.
    """
    counts = mask.sum(1)
    most = max(1, int(counts.max())) if len(counts) else 1
    return mask.to(torch.uint8).argsort(dim=1, descending=True, stable=True)[:, :most]


def _heads(x: Tensor) -> Tensor:
    return x.reshape(*x.shape[:-1], HEADS, WIDTH // HEADS)


def _pick(values: Tensor, sensors: Tensor) -> Tensor:
    """Gather the sensors (B, ...) of values (B, sensors, ...)."""
    event = torch.arange(values.shape[0], device=values.device)
    return values[event.view(-1, *[1] * (sensors.ndim - 1)), sensors]
