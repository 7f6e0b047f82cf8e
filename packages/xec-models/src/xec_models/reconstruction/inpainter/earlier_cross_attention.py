"""The head of the earlier system's inpainter for all sensors; its numbers, for checkpoints of that system."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from xec_geometry import FACES, face_of_sensor
from xec_geometry.detector.survey import nominal_table
from xec_models.config.network import ModelConfig
from xec_models.encoder.outer_modes import OUTER_MODES, token_faces
from xec_models.errors import ModelError
from xec_models.reconstruction.inpainter.cross_attention import NEIGHBOURS, position_bands, predict_masked
from xec_models.reconstruction.inpainter.local_features import LocalFeatures, nearest_sensors

CHANNELS = 2
FACE_WIDTH, LOCAL_WIDTH, TOKEN_WIDTH, TOKEN_HEADS = 32, 64, 128, 4
# That system's: a sensor whose neighbours are all hidden attends to all of them.
EXCLUDED = -1e4


class EarlierCrossAttentionHead(nn.Module):
    """The head ``cross_attention`` of the earlier system.

    A sensor's position and face attend to its nearest sensors, by one head whose values are its keys, and
    to the tokens; an MLP turns both results into the prediction. The neighbours and the encoding of the
    positions are stored in checkpoints.

    Parameters
    ----------
    model
        Shape of the network.
    channels
        Predicted columns: 0 npho, 1 time.

    Raises
    ------
    ModelError
        If the outer face is split.
    """

    neighbour: Tensor
    bands: Tensor
    face: Tensor
    token_face: Tensor

    def __init__(self, model: ModelConfig, channels: tuple[int, ...]) -> None:
        super().__init__()
        if not OUTER_MODES[model.outer_mode].fine_grid:
            raise ModelError(
                f"this head needs one grid of the outer face, found outer_mode {model.outer_mode}"
            )
        self.register_buffer("neighbour", torch.tensor(nearest_sensors(NEIGHBOURS)[0]))
        self.register_buffer("bands", position_bands(nominal_table()))
        faces = torch.tensor([FACES.index(face) for face in token_faces(model.outer_mode)])
        self.register_buffer("face", torch.tensor(face_of_sensor()), persistent=False)
        self.register_buffer("token_face", faces, persistent=False)
        place = self.bands.shape[1] + FACE_WIDTH
        self.face_embedding = nn.Embedding(len(FACES), FACE_WIDTH)
        self.context = nn.Linear(CHANNELS + place, LOCAL_WIDTH)
        self.query = nn.Linear(place, LOCAL_WIDTH)
        self.token = nn.Linear(model.encoder_dim, TOKEN_WIDTH)
        self.token_place = nn.Linear(FACE_WIDTH, TOKEN_WIDTH)
        self.token_query = nn.Linear(place, TOKEN_WIDTH)
        self.key = nn.Linear(TOKEN_WIDTH, TOKEN_WIDTH)
        self.value = nn.Linear(TOKEN_WIDTH, TOKEN_WIDTH)
        self.mixed = nn.Linear(TOKEN_WIDTH, TOKEN_WIDTH)
        width = LOCAL_WIDTH + TOKEN_WIDTH
        self.mlp = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, LOCAL_WIDTH),
            nn.GELU(),
            nn.Linear(LOCAL_WIDTH, len(channels)),
        )

    def forward(self, local: LocalFeatures, tokens: Tensor, mask: Tensor) -> Tensor:
        """Predict the sensors of a mask; parameters as for `CrossAttentionHead.forward`."""
        return predict_masked(lambda sensors: self.predict(local, tokens, sensors), mask)

    def predict(self, local: LocalFeatures, tokens: Tensor, chosen: Tensor) -> Tensor:
        """Predict the sensors `chosen` (B, m): (B, m, channels)."""
        place = torch.cat([self.bands, self.face_embedding(self.face)], dim=-1)
        query = place[chosen]
        features = torch.cat([self._around(local, place, query, chosen), self._across(tokens, query)], dim=-1)
        out: Tensor = self.mlp(features)
        return out

    def _around(self, local: LocalFeatures, place: Tensor, query: Tensor, chosen: Tensor) -> Tensor:
        neighbour = self.neighbour[chosen]
        event = torch.arange(chosen.shape[0], device=chosen.device)[:, None, None]
        readings, seen = local.readings[event, neighbour], local.seen[event, neighbour]
        context = self.context(torch.cat([readings, place[neighbour]], dim=-1))
        score = (context * self.query(query).unsqueeze(2)).sum(-1) / math.sqrt(LOCAL_WIDTH)
        share = F.softmax(score.masked_fill(~seen, EXCLUDED), dim=-1)
        out: Tensor = (share.unsqueeze(-1) * context).sum(2)
        return out

    def _across(self, tokens: Tensor, query: Tensor) -> Tensor:
        context = self.token(tokens) + self.token_place(self.face_embedding(self.token_face))
        key, value, wanted = (
            _heads(x) for x in (self.key(context), self.value(context), self.token_query(query))
        )
        found = F.scaled_dot_product_attention(wanted, key, value)
        out: Tensor = self.mixed(found.transpose(1, 2).flatten(2))
        return out


def _heads(x: Tensor) -> Tensor:
    """Split (B, n, width) into (B, heads, n, width of a head)."""
    split = x.reshape(*x.shape[:-1], TOKEN_HEADS, TOKEN_WIDTH // TOKEN_HEADS)
    return split.transpose(1, 2)
