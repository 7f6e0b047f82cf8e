"""Cells of faces in the heads of an inpainter: their sensors and their features."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from xec_geometry import index_map, outer_fine_grid
from xec_models.blocks.convnext import ConvNeXtV2Block
from xec_models.blocks.hexnext import HexNeXtBlock
from xec_models.config.network import ModelConfig
from xec_models.encoder.hex_encoder import HEX_WIDTH
from xec_models.encoder.outer_modes import FaceGroup
from xec_models.reconstruction.inpainter.local_features import N_FEATURES

FACE_WIDTH = 64
FACE_DEPTH = 2
HEX_HEAD_DEPTH = 3
OUTER: Final = "outer"


class CellTable(nn.Module):
    """The sensors in the cells of a group of faces.

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
        """Gather values (B, sensors, F) into (B, cells, F)."""
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
        """Compute the features of all cells.

        Parameters
        ----------
        values
            (B, sensors, 4) of `LocalFeatures`.
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


def group_cells(
    group: FaceGroup, model: ModelConfig
) -> tuple[NDArray[np.int64], NDArray[np.float64], tuple[int, ...]]:
    """Return the sensors (cells, k) of the cells of a group, their weights, and the shape (faces, ...)."""
    if group.faces == (OUTER,):
        grid = outer_fine_grid(model.outer_fine_pool, model.layout)
        return grid.sensor, grid.area, (1, *grid.shape)
    ids = np.stack([index_map(face, model.layout) for face in group.faces])
    return ids.reshape(-1, 1), np.ones((ids.size, 1)), ids.shape


def own_cells(
    sensors: NDArray[np.int64], groups: list[tuple[NDArray[np.int64], NDArray[np.float64]]]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Find the cells that each sensor covers in part.

    Parameters
    ----------
    sensors
        Sensor ids, ascending; all those of `groups` among them.
    groups
        (cells, k) sensors and weights of groups of cells; cells are counted through all groups.

    Returns
    -------
    cells, padded
        (sensors, m): numbers of cells, and True where a sensor has fewer than m.
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
    column = np.arange(len(row)) - np.searchsorted(row, row)
    cells = np.zeros((len(sensors), int(column.max()) + 1), dtype=np.int64)
    padded = np.ones(cells.shape, dtype=np.bool_)
    cells[row, column], padded[row, column] = cell, False
    return cells, padded
