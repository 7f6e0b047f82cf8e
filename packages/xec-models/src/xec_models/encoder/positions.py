"""Position encodings of the tokens.

Learnable, as in A. Dosovitskiy et al., arXiv:2010.11929 (2020); sinusoidal, as in A. Vaswani et al.,
arXiv:1706.03762 (2017); geometric, from the centre of the face and its kinds of sensors.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from xec_geometry import GridName, Layout, SensorTable, index_map, sensor_kinds, sensor_positions
from xec_geometry.support.arrays import FloatArray

METRE = 100.0  # in cm; brings the face centres to the order of 1
GEOMETRIC_WIDTH = 128


class LearnablePosition(nn.Module):
    """One free vector for each token, initialized from a truncated normal of width 0.02.

    Parameters
    ----------
    faces
        The tokens' faces, in order.
    dim
        Width of a token.
    """

    def __init__(self, faces: tuple[GridName, ...], dim: int) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.empty(1, len(faces), dim))
        nn.init.trunc_normal_(self.embedding, std=0.02)

    def forward(self) -> Tensor:
        """Return the encoding (1, tokens, dim)."""
        return self.embedding


class SinusoidalPosition(nn.Module):
    """Sines and cosines of the token's number, nothing to learn.

    Parameters
    ----------
    faces
        The tokens' faces, in order.
    dim
        Width of a token, even.
    """

    embedding: Tensor

    def __init__(self, faces: tuple[GridName, ...], dim: int) -> None:
        super().__init__()
        number = torch.arange(len(faces), dtype=torch.float64).unsqueeze(1)
        rate = torch.exp(torch.arange(0, dim, 2, dtype=torch.float64) * (-math.log(10000.0) / dim))
        table = torch.stack([torch.sin(number * rate), torch.cos(number * rate)], dim=-1).flatten(1)
        self.register_buffer("embedding", table.to(torch.get_default_dtype())[None], persistent=False)

    def forward(self) -> Tensor:
        """Return the encoding (1, tokens, dim)."""
        return self.embedding


class GeometricPosition(nn.Module):
    """An MLP of the face's centre (x, y, z) and of the kinds of its sensors.

    Parameters
    ----------
    faces
        The tokens' faces, in order.
    dim
        Width of a token.
    layout
        Layout of the index maps.
    geometry
        Where the sensors stand; nominal by default.
    """

    description: Tensor

    def __init__(
        self,
        faces: tuple[GridName, ...],
        dim: int,
        layout: Layout,
        geometry: SensorTable | None = None,
    ) -> None:
        super().__init__()
        positions = sensor_positions() if geometry is None else geometry.positions
        table = torch.tensor(np.stack([_describe(face, layout, positions) for face in faces]))
        self.register_buffer("description", table.to(torch.get_default_dtype()), persistent=False)
        self.mlp = nn.Sequential(
            nn.Linear(table.shape[1], GEOMETRIC_WIDTH), nn.GELU(), nn.Linear(GEOMETRIC_WIDTH, dim)
        )

    def forward(self) -> Tensor:
        """Return the encoding (1, tokens, dim)."""
        embedding: Tensor = self.mlp(self.description)
        return embedding.unsqueeze(0)


def _describe(
    face: GridName, layout: Layout, positions: FloatArray
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the centre of the face in metres, then the fraction of its sensors of each kind."""
    ids = np.unique(index_map(face, layout))
    kinds = sensor_kinds()
    fractions = [np.mean(kinds[ids] == kind) for kind in np.unique(kinds)]
    return np.concatenate([positions[ids].mean(axis=0) / METRE, fractions])
