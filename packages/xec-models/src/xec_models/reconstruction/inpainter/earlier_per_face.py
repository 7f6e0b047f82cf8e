"""The head of the earlier system's inpainter for each face; its numbers, for checkpoints of that system.

Every face has an encoder of its own readings, with the token at every cell; every sensor of the outer face
takes a weighted mean of its cells in the fine grid.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from xec_geometry import FACES, FaceName, GridName, Layout, face_ids, index_map, outer_fine_grid
from xec_geometry.detector import parameters as p
from xec_models.blocks.convnext import ConvNeXtV2Block, conv_channels_last
from xec_models.blocks.group_norm import GroupNorm
from xec_models.blocks.hexnext import HexNeXtBlock
from xec_models.config.network import ModelConfig
from xec_models.encoder.gather import FaceGather
from xec_models.encoder.outer_modes import OUTER_MODES, token_faces
from xec_models.errors import ModelError
from xec_models.reconstruction.inpainter.local_features import LocalFeatures

CHANNELS = 2
GRID_WIDTH, GRID_DEPTH, GRID_NORM_GROUPS = 64, 2, 8
HEX_WIDTH, HEX_DEPTH = 96, 3
# The maps of the outer face: their first cell in the fine grid, and the size of their cells there. The 12
# sensors of both have their cells in the centre patch.
MAPS: dict[GridName, tuple[tuple[int, int], tuple[int, int]]] = {
    "outer_coarse": ((0, 0), p.COARSE_CELL),
    "outer_center": (p.CENTER_FINE_ORIGIN, p.CENTER_CELL),
}


class GridFeatures(nn.Module):
    """Features of every cell of a rectangular face, from its readings and its token.

    Parameters
    ----------
    encoder_dim
        Width of the token.
    """

    def __init__(self, encoder_dim: int) -> None:
        super().__init__()
        self.token = nn.Linear(encoder_dim, GRID_WIDTH)
        self.stem = nn.Conv2d(CHANNELS + GRID_WIDTH, GRID_WIDTH, kernel_size=3, padding=1)
        self.norm = GroupNorm(GRID_NORM_GROUPS, GRID_WIDTH)
        self.blocks = nn.ModuleList(ConvNeXtV2Block(GRID_WIDTH) for _ in range(GRID_DEPTH))

    def forward(self, cells: Tensor, token: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the features.

        Parameters
        ----------
        cells
            (B, rows, columns, 2) readings.
        token
            (B, encoder_dim) of the face.

        Returns
        -------
        features, token
            (B, rows, columns, 64) and the projected token (B, 64).
        """
        token = F.gelu(self.token(token))
        everywhere = token[:, None, None].expand(*cells.shape[:3], -1)
        x = conv_channels_last(self.stem, torch.cat([cells, everywhere], dim=-1))
        x = F.gelu(self.norm(x.permute(0, 3, 1, 2))).permute(0, 2, 3, 1)
        for block in self.blocks:
            x = block(x)
        return x, token


class GridHead(GridFeatures):
    """Predictions of a rectangular face of single sensors.

    Parameters
    ----------
    encoder_dim
        Width of the token.
    channels
        Numbers per sensor.
    """

    def __init__(self, encoder_dim: int, channels: int) -> None:
        super().__init__(encoder_dim)
        self.hidden = nn.Conv2d(GRID_WIDTH, GRID_WIDTH // 2, kernel_size=3, padding=1)
        self.out = nn.Conv2d(GRID_WIDTH // 2, channels, kernel_size=1)

    def predict(self, cells: Tensor, token: Tensor) -> Tensor:
        """Predict (B, sensors, channels); parameters as in `forward`."""
        features, _ = self(cells, token)
        x = conv_channels_last(self.out, F.gelu(conv_channels_last(self.hidden, features)))
        return x.flatten(1, 2)


class OuterHead(GridFeatures):
    """Predictions of the outer face: every sensor takes a weighted mean of its cells in the fine grid.

    Parameters
    ----------
    model
        Layout, pooling, width of the tokens.
    channels
        Numbers per sensor.
    """

    cell: Tensor
    padded: Tensor

    def __init__(self, model: ModelConfig, channels: int) -> None:
        super().__init__(model.encoder_dim)
        cell, padded = cells_of_sensors(model.outer_fine_pool or (1, 1), model.layout)
        self.register_buffer("cell", torch.tensor(cell), persistent=False)
        self.register_buffer("padded", torch.tensor(padded), persistent=False)
        self.share = nn.Linear(GRID_WIDTH, 1)
        self.hidden = nn.Linear(2 * GRID_WIDTH, GRID_WIDTH)
        self.out = nn.Linear(GRID_WIDTH, channels)

    def predict(self, cells: Tensor, token: Tensor) -> Tensor:
        """Predict (B, sensors, channels), in the order of their ids; parameters as in `forward`."""
        features, token = self(cells, token)
        own = features.flatten(1, 2)[:, self.cell]
        score = self.share(own).squeeze(-1).masked_fill(self.padded, -torch.inf)
        mixed = (F.softmax(score, dim=-1).unsqueeze(-1) * own).sum(2)
        everywhere = token.unsqueeze(1).expand_as(mixed)
        out: Tensor = self.out(F.gelu(self.hidden(torch.cat([mixed, everywhere], dim=-1))))
        return out


class HexHead(nn.Module):
    """Predictions of a hexagonal face.

    Parameters
    ----------
    model
        Layout, neighbourhood operator, width of the tokens.
    channels
        Numbers per sensor.
    """

    def __init__(self, model: ModelConfig, channels: int) -> None:
        super().__init__()
        self.token = nn.Linear(model.encoder_dim, HEX_WIDTH)
        self.stem = nn.Linear(CHANNELS + HEX_WIDTH, HEX_WIDTH)
        self.blocks = nn.ModuleList(
            HexNeXtBlock(HEX_WIDTH, model.layout, model.hex_conv) for _ in range(HEX_DEPTH)
        )
        self.norm = nn.LayerNorm(HEX_WIDTH)
        self.hidden = nn.Linear(HEX_WIDTH, HEX_WIDTH // 2)
        self.out = nn.Linear(HEX_WIDTH // 2, channels)

    def predict(self, cells: Tensor, token: Tensor) -> Tensor:
        """Predict (B, nodes, channels) from readings (B, nodes, 2) and the token (B, encoder_dim)."""
        everywhere = F.gelu(self.token(token)).unsqueeze(1).expand(*cells.shape[:2], -1)
        x = self.stem(torch.cat([cells, everywhere], dim=-1))
        for block in self.blocks:
            x = block(x)
        out: Tensor = self.out(F.gelu(self.hidden(self.norm(x))))
        return out


class EarlierPerFaceHead(nn.Module):
    """The head ``per_face`` of the earlier system.

    Parameters
    ----------
    model
        Shape of the network.
    channels
        Predicted columns: 0 npho, 1 time.
    gather
        Sorting of readings into faces, that of the encoder.

    Raises
    ------
    ModelError
        If the outer face is split: that system's head for it leaves out the centre patch.
    """

    order: Tensor

    def __init__(self, model: ModelConfig, channels: tuple[int, ...], gather: FaceGather) -> None:
        super().__init__()
        if not OUTER_MODES[model.outer_mode].fine_grid:
            raise ModelError(
                f"this head needs one grid of the outer face, found outer_mode {model.outer_mode}"
            )
        self.faces: tuple[FaceName, ...] = tuple(
            face for face in FACES if face in token_faces(model.outer_mode)
        )
        self.tokens = [token_faces(model.outer_mode).index(face) for face in self.faces]
        # Not a submodule: its tables belong to the encoder.
        self._gather = (gather,)
        self.readouts = nn.ModuleDict({face: _readout(face, model, len(channels)) for face in self.faces})
        sensors = np.concatenate([_sensors(face, model.layout) for face in self.faces])
        self.register_buffer("order", torch.tensor(np.argsort(sensors, kind="stable")), persistent=False)

    def forward(self, local: LocalFeatures, tokens: Tensor, mask: Tensor) -> Tensor:  # noqa: ARG002
        """Predict every sensor; parameters as for `PerFaceHead.forward`."""
        cells = dict(self._cells(local.readings))
        parts = [
            self.readouts[face].predict(cells[face], tokens[:, token])  # type: ignore[operator]
            for face, token in zip(self.faces, self.tokens, strict=True)
        ]
        return torch.cat(parts, dim=1)[:, self.order]

    def _cells(self, readings: Tensor) -> Iterator[tuple[str, Tensor]]:
        (gather,) = self._gather
        groups = gather(readings)
        for group in gather.groups:
            yield from zip(group.faces, groups[group.name].unbind(1), strict=True)


def _readout(face: FaceName, model: ModelConfig, channels: int) -> nn.Module:
    if face == "outer":
        return OuterHead(model, channels)
    if index_map(face, model.layout).ndim == 1:
        return HexHead(model, channels)
    return GridHead(model.encoder_dim, channels)


def _sensors(face: FaceName, layout: Layout) -> NDArray[np.int64]:
    return face_ids(face) if face == "outer" else index_map(face, layout).ravel()


def cells_of_sensors(pool: tuple[int, int], layout: Layout) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Find the cells of every outer sensor, as the earlier system did.

    They begin with the cell of the sensor's first fine cell, and end before that of the fine cell behind its
    last one: a pooled cell that it shares with the next sensor belongs to that one alone, if both have more.

    Parameters
    ----------
    pool
        Rows and columns of fine cells in a cell.
    layout
        Layout of the maps.

    Returns
    -------
    cells, padded
        (sensors, m): numbers of cells, and True where a sensor has fewer than m.
    """
    shape = outer_fine_grid(pool, layout).shape
    own: dict[int, list[int]] = {}
    for grid, (origin, size) in MAPS.items():
        for place, sensor in np.ndenumerate(index_map(grid, layout)):
            rows, columns = (
                _covered(origin[i] + place[i] * size[i], size[i], pool[i], shape[i]) for i in range(2)
            )
            own[int(sensor)] = [row * shape[1] + column for row in rows for column in columns]
    ids = face_ids("outer")
    most = max(map(len, own.values()))
    cells = np.zeros((len(ids), most), dtype=np.int64)
    padded = np.ones(cells.shape, dtype=np.bool_)
    for row, sensor in enumerate(ids):
        found = own[int(sensor)]
        cells[row, : len(found)], padded[row, : len(found)] = found, False
    return cells, padded


def _covered(first: int, size: int, pool: int, stop: int) -> range:
    begin = first // pool
    # What the grid leaves out at its end belongs to its last row or column here.
    return range(min(begin, stop - 1), min(max((first + size) // pool, begin + 1), stop))
