"""The inner face as an image."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from xec_geometry import GridName, index_map, sensor_positions, xyz_to_uvw

INNER: GridName = "inner"


class InnerFace(nn.Module):
    """The inner face as an image, with the u of its columns and the v of its rows in cm."""

    columns: Tensor
    rows: Tensor

    def __init__(self) -> None:
        super().__init__()
        grid = index_map(INNER)
        self.shape = grid.shape
        self.first = int(grid[0, 0])
        assert np.array_equal(grid.ravel(), np.arange(self.first, self.first + grid.size))
        uvw = xyz_to_uvw(sensor_positions()[grid])
        self.register_buffer("columns", constant(uvw[0, :, 0]), persistent=False)
        self.register_buffer("rows", constant(uvw[:, 0, 1]), persistent=False)

    def image(self, values: Tensor) -> Tensor:
        """Sort values of all sensors (B, sensors) into the image (B, rows, columns)."""
        rows, columns = self.shape
        return values[:, self.first : self.first + rows * columns].reshape(-1, rows, columns)


def box_sum(image: Tensor) -> Tensor:
    """Sum over 3 × 3 pixels around each."""
    rows, columns = image.shape[1:]
    padded = F.pad(image, (1, 1, 1, 1))
    across = padded[:, :, :columns] + padded[:, :, 1 : columns + 1] + padded[:, :, 2:]
    return across[:, :rows] + across[:, 1 : rows + 1] + across[:, 2:]


def constant(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Tensor:
    """Return a table as a tensor of the default type."""
    return torch.as_tensor(np.ascontiguousarray(values), dtype=torch.get_default_dtype())
