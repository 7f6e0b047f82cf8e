"""Decoders of the masked autoencoder: cells of faces from tokens, and sensors from cells."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from xec_geometry import N_SENSORS, GridName, index_map, outer_fine_grid
from xec_models.blocks.hexnext import HexNeXtBlock
from xec_models.config.network import ModelConfig
from xec_models.encoder.face_backbone import TOKEN_GRID
from xec_models.encoder.normalizer import Normalizer

Matrix = NDArray[np.float64]

FINE: Final = "outer"
"""The face whose cells are not single sensors."""

HEX_DEPTH = 2
_POSITION_STD = 0.02


class GridDecoder(nn.Module):
    """Decoder of a rectangular face: 4 × 4, two transposed convolutions of stride 2, bilinear interpolation.

    Parameters
    ----------
    encoder_dim
        Width of the token.
    dim
        Channels of the first upsampling, a multiple of 4.
    channels
        Numbers per cell.
    shape
        Rows and columns of the face.
    """

    def __init__(self, encoder_dim: int, dim: int, channels: int, shape: tuple[int, int]) -> None:
        super().__init__()
        self.shape = shape
        rows, columns = TOKEN_GRID
        self.linear = nn.Linear(encoder_dim, 2 * dim * rows * columns)
        self.decoder = nn.Sequential(
            _upsampling(2 * dim, dim),
            nn.LayerNorm([dim, 2 * rows, 2 * columns]),
            nn.GELU(),
            _upsampling(dim, dim // 2),
            nn.LayerNorm([dim // 2, 4 * rows, 4 * columns]),
            nn.GELU(),
            nn.ConvTranspose2d(dim // 2, channels, kernel_size=3, padding=1),
        )

    def forward(self, token: Tensor) -> Tensor:
        """Decode a token (B, encoder_dim) into (B, cells, channels)."""
        image = self.decoder(self.linear(token).unflatten(1, (-1, *TOKEN_GRID)))
        image = F.interpolate(image, size=self.shape, mode="bilinear", align_corners=False)
        return image.flatten(2).transpose(1, 2)


def _upsampling(channels: int, width: int) -> nn.ConvTranspose2d:
    """Build an upsampling to twice the rows and columns."""
    return nn.ConvTranspose2d(channels, width, kernel_size=3, stride=2, padding=1, output_padding=1)


class HexDecoder(nn.Module):
    """Decoder of a hexagonal face: the token at every node, a learned position, HexNeXt blocks.

    Parameters
    ----------
    encoder_dim
        Width of the token.
    dim
        Width of a node.
    channels
        Numbers per node.
    nodes
        Number of nodes.
    model
        Layout and neighbourhood operator.
    """

    def __init__(self, encoder_dim: int, dim: int, channels: int, nodes: int, model: ModelConfig) -> None:
        super().__init__()
        self.proj_in = nn.Linear(encoder_dim, dim)
        self.pos_embed = nn.Parameter(torch.empty(1, nodes, dim))
        nn.init.trunc_normal_(self.pos_embed, std=_POSITION_STD)
        self.blocks = nn.ModuleList(HexNeXtBlock(dim, model.layout, model.hex_conv) for _ in range(HEX_DEPTH))
        self.head = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, channels))

    def forward(self, token: Tensor) -> Tensor:
        """Decode a token (B, encoder_dim) into (B, nodes, channels)."""
        x = self.proj_in(token).unsqueeze(1) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        out: Tensor = self.head(x)
        return out


def build_decoder(face: GridName, model: ModelConfig, dim: int, channels: int) -> GridDecoder | HexDecoder:
    """Build the decoder of a face: of nodes or of a grid, by the number of axes of its index map."""
    shape = face_shape(face, model)
    if len(shape) == 1:
        return HexDecoder(model.encoder_dim, dim, channels, shape[0], model)
    return GridDecoder(model.encoder_dim, dim, channels, (shape[0], shape[1]))


def face_shape(face: GridName, model: ModelConfig) -> tuple[int, ...]:
    """Return the rows and columns, or the nodes, of a face in the encoder."""
    if face == FINE:
        return outer_fine_grid(model.outer_fine_pool, model.layout).shape
    return index_map(face, model.layout).shape


class CellsToSensors(nn.Module):
    """Combination of the cells of all faces into sensors, the inverse of `FaceGather`.

    On most faces a sensor is a cell. A sensor of the fine grid covers several, whose photons are added up
    and whose times are averaged. A sensor that is on no face (12 of the fine grid in the layout
    ``xec-ml-wl``, and what a pooling leaves out there) becomes NaN.

    Parameters
    ----------
    faces
        Their names, in the order of the tokens.
    model
        Layout and pooling.
    normalizer
        The scale of the cells.
    """

    covered: Tensor
    photons: Tensor

    def __init__(self, faces: tuple[GridName, ...], model: ModelConfig, normalizer: Normalizer) -> None:
        super().__init__()
        self.faces, self.normalizer = faces, normalizer
        self.conserves_photons = model.layout == "physical"
        dtype = torch.get_default_dtype()
        for face in faces:
            ids = _fine_sensors(model) if face == FINE else index_map(face, model.layout)
            self.register_buffer(f"{face}_ids", torch.tensor(ids.ravel()), persistent=False)
        if FINE in faces:
            covered, photons = _cells_of_sensors(model)
            self.register_buffer("covered", torch.tensor(covered, dtype=dtype), persistent=False)
            self.register_buffer("photons", torch.tensor(photons, dtype=dtype), persistent=False)

    def forward(self, cells: Mapping[str, Tensor]) -> Tensor:
        """Combine cells into sensors.

        Parameters
        ----------
        cells
            By face (B, cells, channels), normalized: npho first, then the time if there is one.

        Returns
        -------
        Tensor (B, sensors, channels)
            Normalized.
        """
        some = cells[self.faces[0]]
        out = some.new_full((some.shape[0], N_SENSORS, some.shape[-1]), torch.nan)
        for face in self.faces:
            values = self._joined(cells[face]) if face == FINE else cells[face]
            out = out.index_copy(1, self.get_buffer(f"{face}_ids"), values)
        return out

    def _joined(self, cells: Tensor) -> Tensor:
        """Combine cells (B, cells, channels) of the fine grid into (B, its sensors, channels)."""
        npho = cells[..., 0]
        if self.conserves_photons:
            npho = self.normalizer.normalize_photons(self.normalizer.photons(npho) @ self.photons)
        else:
            # The earlier system shared normalized numbers.
            npho = npho @ self.photons
        times = cells[..., 1:].transpose(1, 2) @ self.covered
        return torch.cat([npho.unsqueeze(-1), times.transpose(1, 2)], dim=-1)


def _fine_sensors(model: ModelConfig) -> NDArray[np.int64]:
    return np.unique(outer_fine_grid(model.outer_fine_pool, model.layout).sensor)


def _cells_of_sensors(model: ModelConfig) -> tuple[Matrix, Matrix]:
    """Return matrices (cells, sensors) of the fine grid: parts of a sensor's area, and factors of photons."""
    grid = outer_fine_grid(model.outer_fine_pool, model.layout)
    sensors, column = np.unique(grid.sensor, return_inverse=True)
    row = np.broadcast_to(np.arange(len(grid.sensor))[:, None], grid.sensor.shape)
    area, share = np.zeros((2, len(grid.sensor), len(sensors)))
    np.add.at(area, (row, column.reshape(grid.sensor.shape)), grid.area)
    np.add.at(share, (row, column.reshape(grid.sensor.shape)), grid.share)
    merged = 1 if model.layout == "physical" else math.prod(model.outer_fine_pool or (1, 1))
    return area / area.sum(0), area * merged / share.sum(0)
