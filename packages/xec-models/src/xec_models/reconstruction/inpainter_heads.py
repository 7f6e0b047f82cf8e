"""Heads of an inpainter, one per kind of face: they see the face itself, and the token that knows the rest.

Every head gives features for each cell of its face; those of a sensor become a correction of what its
neighbours say.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from xec_geometry import face_ids, index_map, outer_fine_grid
from xec_models.blocks.convnext import ConvNeXtV2Block
from xec_models.blocks.hexnext import HEX_WIDTH, HexNeXtBlock
from xec_models.config.network import ModelConfig
from xec_models.encoder.outer_modes import OUTER_MODES, FaceGroup
from xec_models.reconstruction.inpainter_features import N_FEATURES, LocalFeatures

FACE_WIDTH = 64
FACE_DEPTH = 2
HEX_HEAD_DEPTH = 3
OUTER: Final = "outer"


class Correction(nn.Module):
    """From features to numbers per sensor: an estimate, shifted and scaled.

    A scaled estimate is a relative correction on scales such as square roots; a shifted one is that on
    logarithmic scales, and an absolute one for times. It starts as the estimate itself.

    Parameters
    ----------
    width
        Number of features.
    channels
        Columns of the estimate that are predicted.
    """

    def __init__(self, width: int, channels: tuple[int, ...]) -> None:
        super().__init__()
        self.channels = list(channels)
        self.norm = nn.LayerNorm(width)
        self.linear = nn.Linear(width, 2 * len(channels))
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, features: Tensor, estimate: Tensor) -> Tensor:
        """(..., width) features and (..., 2) estimates to (..., channels)."""
        base = estimate[..., self.channels]
        shift, scale = self.linear(self.norm(features)).chunk(2, dim=-1)
        out: Tensor = base + shift + scale * base
        return out


class CellTable(nn.Module):
    """Which sensors stand in the cells of a group of faces.

    Parameters
    ----------
    sensor
        (cells, k) sensor ids.
    weight
        (cells, k) their weights, adding up to 1.
    """

    sensor: Tensor
    weight: Tensor

    def __init__(self, sensor: NDArray[np.int64], weight: NDArray[np.float64]) -> None:
        super().__init__()
        self.register_buffer("sensor", torch.tensor(sensor), persistent=False)
        table = torch.tensor(weight).to(torch.get_default_dtype())
        self.register_buffer("weight", table, persistent=False)

    def forward(self, values: Tensor) -> Tensor:
        """(B, sensors, F) to (B, cells, F)."""
        if self.sensor.shape[1] == 1:
            return values[:, self.sensor[:, 0]]
        return (values[:, self.sensor] * self.weight.unsqueeze(-1)).sum(-2)


class GroupFeatures(nn.Module):
    """Features of every cell of the faces of one shape.

    Parameters
    ----------
    group
        The faces.
    model
        Layout, pooling, neighbourhood operator, width of the tokens.
    """

    def __init__(self, group: FaceGroup, model: ModelConfig) -> None:
        super().__init__()
        sensor, weight, self.shape = group_cells(group, model)
        self.cells = CellTable(sensor, weight)
        width = HEX_WIDTH if group.hexagonal else FACE_WIDTH
        self.width = width
        self.stem = nn.Linear(N_FEATURES, width)
        self.token = nn.Linear(model.encoder_dim, width)
        self.blocks = nn.ModuleList(
            (HexNeXtBlock(width, model.layout, model.hex_conv) for _ in range(HEX_HEAD_DEPTH))
            if group.hexagonal
            else (ConvNeXtV2Block(width) for _ in range(FACE_DEPTH))
        )

    def forward(self, values: Tensor, tokens: Tensor) -> Tensor:
        """Features of all cells.

        Parameters
        ----------
        values
            (B, sensors, 4) as of `LocalFeatures`.
        tokens
            (B, faces, encoder_dim) of these faces.

        Returns
        -------
        Tensor (B, cells, width)
            Cells of all faces, one face after the other.
        """
        faces, *space = self.shape
        x = self.stem(self.cells(values)).unflatten(1, (faces, math.prod(space)))
        x = (x + self.token(tokens).unsqueeze(2)).flatten(0, 1).unflatten(1, tuple(space))
        for block in self.blocks:
            x = block(x)
        return torch.reshape(x, (-1, faces * math.prod(space), self.width))


class CellReadout(nn.Module):
    """One sensor per cell: its features are those of the cell.

    Parameters
    ----------
    group, model
        As for `GroupFeatures`.
    channels
        What is predicted.
    """

    def __init__(self, group: FaceGroup, model: ModelConfig, channels: tuple[int, ...]) -> None:
        super().__init__()
        self.features = GroupFeatures(group, model)
        self.sensors = self.features.cells.sensor[:, 0].numpy()
        self.correct = Correction(self.features.width, channels)

    def forward(self, local: LocalFeatures, tokens: Tensor) -> Tensor:
        """Predictions (B, sensors of the group, channels), in the order of `sensors`."""
        estimate = self.features.cells(local.estimate)
        out: Tensor = self.correct(self.features(local.values, tokens), estimate)
        return out


class OuterReadout(nn.Module):
    """The outer face: every sensor attends to its own cells.

    Parameters
    ----------
    groups
        The group of the outer face: one, or two if it is split.
    model, channels
        As for `CellReadout`.
    """

    table: Tensor
    padded: Tensor
    own: Tensor

    def __init__(self, groups: tuple[FaceGroup, ...], model: ModelConfig, channels: tuple[int, ...]) -> None:
        super().__init__()
        self.features = nn.ModuleList(GroupFeatures(group, model) for group in groups)
        # All of them: a layout whose grid lacks some leaves these without cells, not without a prediction.
        self.sensors = face_ids(OUTER)
        table, padded = own_cells(self.sensors, [group_cells(group, model)[:2] for group in groups])
        for name, values in (("table", table), ("padded", padded), ("own", self.sensors)):
            self.register_buffer(name, torch.tensor(values), persistent=False)
        self.query = nn.Linear(N_FEATURES, FACE_WIDTH)
        self.key = nn.Linear(FACE_WIDTH, FACE_WIDTH)
        self.value = nn.Linear(FACE_WIDTH, FACE_WIDTH)
        self.place = nn.Parameter(torch.empty(self.table.shape[1], FACE_WIDTH))
        nn.init.trunc_normal_(self.place, std=0.02)
        self.correct = Correction(FACE_WIDTH, channels)

    def forward(self, local: LocalFeatures, tokens: Tensor) -> Tensor:
        """Predictions (B, outer sensors, channels), in the order of `sensors`."""
        features = torch.cat(
            [part(local.values, tokens[:, i : i + 1]) for i, part in enumerate(self.features)], dim=1
        )
        query = self.query(local.values[:, self.own])
        # Projected before they are copied to the sensors: cells are fewer.
        keys = self.key(features)[:, self.table] + self.place
        values = self.value(features)[:, self.table]
        score = (keys * query.unsqueeze(2)).sum(-1) / math.sqrt(FACE_WIDTH)
        share = masked_softmax(score, self.padded)
        mixed = query + (share.unsqueeze(-1) * values).sum(2)
        out: Tensor = self.correct(mixed, local.estimate[:, self.own])
        return out


class PerFaceHead(nn.Module):
    """A head per kind of face; together they speak of every sensor.

    Parameters
    ----------
    model
        Shape of the network.
    channels
        What is predicted.
    """

    order: Tensor

    def __init__(self, model: ModelConfig, channels: tuple[int, ...]) -> None:
        super().__init__()
        groups = OUTER_MODES[model.outer_mode].groups
        outer = tuple(group for group in groups if group.faces[0].startswith(OUTER))
        self.tokens: dict[str, slice] = {}
        readouts: dict[str, nn.Module] = {}
        first = 0
        for group in groups:
            name = OUTER if group in outer else group.name
            begin = self.tokens[name].start if name in self.tokens else first
            first += len(group.faces)
            self.tokens[name] = slice(begin, first)
            if name not in readouts:
                readouts[name] = (
                    OuterReadout(outer, model, channels)
                    if name == OUTER
                    else CellReadout(group, model, channels)
                )
        self.readouts = nn.ModuleDict(readouts)
        sensors = np.concatenate([np.asarray(readout.sensors) for readout in readouts.values()])
        self.register_buffer("order", torch.tensor(np.argsort(sensors, kind="stable")), persistent=False)

    def forward(self, local: LocalFeatures, tokens: Tensor, mask: Tensor) -> Tensor:  # noqa: ARG002
        """Predictions for every sensor.

        Parameters
        ----------
        local
            What is known around them.
        tokens
            (B, tokens, encoder_dim) of the encoder.
        mask
            (B, sensors) bool: whose predictions are wanted; those of the others are given too.

        Returns
        -------
        Tensor (B, sensors, channels)
            On the normalized scale.
        """
        parts = [readout(local, tokens[:, self.tokens[name]]) for name, readout in self.readouts.items()]
        return torch.cat(parts, dim=1)[:, self.order]


def group_cells(
    group: FaceGroup, model: ModelConfig
) -> tuple[NDArray[np.int64], NDArray[np.float64], tuple[int, ...]]:
    """Sensors (cells, k) in the cells of a group, their weights, and the shape (faces, ...)."""
    if group.faces == (OUTER,):
        grid = outer_fine_grid(model.outer_fine_pool, model.layout)
        return grid.sensor, grid.area, (1, *grid.shape)
    ids = np.stack([index_map(face, model.layout) for face in group.faces])
    return ids.reshape(-1, 1), np.ones((ids.size, 1)), ids.shape


def own_cells(
    sensors: NDArray[np.int64], groups: list[tuple[NDArray[np.int64], NDArray[np.float64]]]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The cells that a sensor has a part of.

    Parameters
    ----------
    sensors
        Sensor ids, ascending; all those of `groups` among them.
    groups
        (cells, k) sensors and weights of groups of cells; cells are counted through all groups.

    Returns
    -------
    cells, padded
        (sensors, m): numbers of cells, and whether there is none in this place.
    """
    pairs = []
    first = 0
    for sensor, weight in groups:
        cell, k = np.nonzero(weight > 0)
        pairs.append(np.stack([sensor[cell, k], first + cell], axis=1))
        first += len(sensor)
    # A sensor that fills a part of a pooled cell several times has the cell once.
    owner, cell = np.unique(np.concatenate(pairs), axis=0).T
    row = np.searchsorted(sensors, owner)
    place = np.arange(len(row)) - np.searchsorted(row, row)
    cells = np.zeros((len(sensors), int(place.max()) + 1), dtype=np.int64)
    padded = np.ones(cells.shape, dtype=np.bool_)
    cells[row, place], padded[row, place] = cell, False
    return cells, padded


def masked_softmax(score: Tensor, excluded: Tensor) -> Tensor:
    """Softmax over the last axis of what is not excluded; zeros where everything is."""
    weight = F.softmax(score.masked_fill(excluded, -1e4), dim=-1)
    return weight.masked_fill(excluded, 0)
