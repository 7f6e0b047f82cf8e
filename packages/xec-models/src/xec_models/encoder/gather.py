"""Gathering of sensors into the cells of faces.

Faces of one shape form a group and are processed as one batch: upstream with downstream, top with bottom.
"""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from xec_geometry import GridName, Layout, index_map, outer_fine_grid
from xec_models.config.network import ModelConfig
from xec_models.encoder.normalizer import Normalizer
from xec_models.encoder.outer_modes import OUTER_MODES, FaceGroup


class FaceGather(nn.Module):
    """Sorting of the readings of all sensors into faces.

    Parameters
    ----------
    config
        Layout, outer mode and pooling.
    normalizer
        Scale of the readings; the fine grid shares photons, not their logarithms.
    """

    def __init__(self, config: ModelConfig, normalizer: Normalizer) -> None:
        super().__init__()
        self.groups = OUTER_MODES[config.outer_mode].groups
        self.maps = nn.ModuleDict({group.name: _face_map(group, config, normalizer) for group in self.groups})

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Sort normalized readings.

        Parameters
        ----------
        x
            (B, sensors, 2) normalized npho and time.

        Returns
        -------
        dict
            By group name (B, faces, rows, columns, 2), or (B, faces, nodes, 2) if hexagonal.
        """
        return {name: faces(x) for name, faces in self.maps.items()}

    def mask(self, mask: Tensor) -> dict[str, Tensor]:
        """Sort a mask.

        Parameters
        ----------
        mask
            (B, sensors) bool, True where a sensor must not be seen.

        Returns
        -------
        dict
            Shapes as in `forward` without the last axis. A cell is masked if all its sensors are; in the
            layout ``xec-ml-wl`` as that system did it, see `EarlierFineGrid`.
        """
        return {name: cast("FaceMap", faces).mask(mask) for name, faces in self.maps.items()}

    def hidden(self, mask: Tensor) -> dict[str, Tensor]:
        """Sort a mask as `mask` does: a cell is hidden if all its sensors are, in every layout."""
        return {name: cast("FaceMap", faces).hidden(mask) for name, faces in self.maps.items()}


def _face_map(group: FaceGroup, config: ModelConfig, normalizer: Normalizer) -> FaceMap:
    pool = config.pool_of(group.faces[0])
    if pool is not None:
        return PooledFaces(group.faces, config.layout, pool, normalizer)
    if group.faces == ("outer",):
        return FINE_GRIDS[config.layout](config.outer_fine_pool, normalizer)
    return SensorMap(np.stack([index_map(face, config.layout) for face in group.faces]))


class FaceMap(nn.Module):
    """Gathering of one group of faces."""

    def forward(self, x: Tensor) -> Tensor:
        """Sort readings (B, sensors, 2) into (B, faces, ..., 2)."""
        raise NotImplementedError

    def hidden(self, mask: Tensor) -> Tensor:
        """Sort a mask (B, sensors) into (B, faces, ...): True where all sensors of a cell are masked."""
        raise NotImplementedError

    def mask(self, mask: Tensor) -> Tensor:
        """Sort a mask (B, sensors) into the cells (B, faces, ...) that the encoder must not see."""
        return self.hidden(mask)


class SensorMap(FaceMap):
    """One sensor per cell: a slice where the ids are consecutive, else a table.

    Parameters
    ----------
    ids
        Sensor ids in the shape of the output.
    """

    table: Tensor | None

    def __init__(self, ids: NDArray[np.int64]) -> None:
        super().__init__()
        self.shape = ids.shape
        flat = ids.ravel()
        self.first = int(flat[0])
        consecutive = np.array_equal(flat, np.arange(self.first, self.first + flat.size))
        table = None if consecutive else torch.tensor(flat)
        self.register_buffer("table", table, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Sort readings (B, sensors, ...) into (B, *shape, ...)."""
        if self.table is None:
            picked = x[:, self.first : self.first + math.prod(self.shape)]
        else:
            picked = x[:, self.table]
        return picked.reshape(-1, *self.shape, *x.shape[2:])

    def hidden(self, mask: Tensor) -> Tensor:
        """Sort a mask (B, sensors) into (B, *shape)."""
        return self.forward(mask)


class _FineGrid(FaceMap):
    """The outer face as one grid; the tables of `xec_geometry.outer_fine_grid`."""

    layout: Layout
    sensor: Tensor
    share: Tensor
    area: Tensor

    def __init__(self, pool: tuple[int, int] | None, normalizer: Normalizer) -> None:
        super().__init__()
        grid = outer_fine_grid(pool, self.layout)
        self.shape = grid.shape
        self.cells_per_cell = math.prod(pool or (1, 1))
        self.normalizer = normalizer
        self._table("sensor", grid.sensor)
        self._table("share", grid.share)
        self._table("area", grid.area)

    def _table(self, name: str, values: NDArray[Any]) -> None:
        table = torch.tensor(values)
        if table.is_floating_point():
            table = table.to(torch.get_default_dtype())
        self.register_buffer(name, table, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Sort readings (B, sensors, 2) into (B, 1, rows, columns, 2)."""
        cells = self.cells(x[:, self.sensor])
        return cells.reshape(-1, 1, *self.shape, 2)

    def cells(self, y: Tensor) -> Tensor:
        """Combine the sensors of every cell, (B, cells, k, 2), into (B, cells, 2)."""
        raise NotImplementedError

    def hidden(self, mask: Tensor) -> Tensor:
        """Sort a mask (B, sensors) into (B, 1, rows, columns)."""
        hidden = mask[:, self.sensor] | (self.area == 0)
        return hidden.all(-1).reshape(-1, 1, *self.shape)


class PhysicalFineGrid(_FineGrid):
    """A fine grid with photons shared among a sensor's cells, and times copied.

    A pooled cell holds the photons of its cells per area that was seen, and the mean time over the
    area with a valid time; a cell without any valid reading gets the sentinel.
    """

    layout = "physical"

    def cells(self, y: Tensor) -> Tensor:
        """Combine the sensors of every cell, (B, cells, k, 2), into (B, cells, 2)."""
        return combine_sensors(self.normalizer, y, self.share, self.area)


class PooledFaces(FaceMap):
    """Rectangular faces in coarse cells: mean photons of the sensors with a reading, mean of the valid times.

    Parameters
    ----------
    faces
        Faces of one shape.
    layout
        Layout of their index maps.
    pool
        Rows and columns of sensors in a cell.
    normalizer
        Scale of the readings; photons are averaged, not their logarithms.
    """

    sensor: Tensor

    def __init__(
        self, faces: tuple[GridName, ...], layout: Layout, pool: tuple[int, int], normalizer: Normalizer
    ) -> None:
        super().__init__()
        grids = np.stack([index_map(face, layout) for face in faces])
        rows, columns = grids.shape[1] // pool[0], grids.shape[2] // pool[1]
        cells = grids.reshape(len(faces), rows, pool[0], columns, pool[1]).swapaxes(2, 3)
        self.shape, self.normalizer = (len(faces), rows, columns), normalizer
        sensor = torch.tensor(cells.reshape(math.prod(self.shape), -1))
        self.register_buffer("sensor", sensor, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Sort readings (B, sensors, 2) into (B, faces, rows, columns, 2)."""
        every = torch.ones((), dtype=x.dtype, device=x.device)
        cells = combine_sensors(self.normalizer, x[:, self.sensor], every, every)
        return cells.reshape(-1, *self.shape, 2)

    def hidden(self, mask: Tensor) -> Tensor:
        """Sort a mask (B, sensors) into (B, faces, rows, columns)."""
        return mask[:, self.sensor].all(-1).reshape(-1, *self.shape)


class EarlierFineGrid(_FineGrid):
    """The fine grid of the system `xec-ml-wl`: normalized numbers, divided and averaged.

    A pooled cell holds the mean of the divided counts, sentinels included, and the mean of the valid times.
    The mask is that of the coarse map alone, and a pooled cell is masked if any of its fine cells is: the
    18 sensors that the centre patch adds have no mask.
    """

    layout = "xec-ml-wl"
    coarse: Tensor
    under: Tensor

    def __init__(self, pool: tuple[int, int] | None, normalizer: Normalizer) -> None:
        super().__init__(pool, normalizer)
        self._table("coarse", index_map("outer_coarse", self.layout).ravel())
        self._table("under", _coarse_cells_under(self.shape, pool or (1, 1), self.layout))

    def cells(self, y: Tensor) -> Tensor:
        """Combine the sensors of every cell, (B, cells, k, 2), into (B, cells, 2)."""
        npho, time = y.unbind(-1)
        counts = (npho * (self.share / self.cells_per_cell)).sum(-1)
        times = mean_of_valid(time, self.area, self.normalizer.sentinel_time)
        return torch.stack([counts, times], dim=-1)

    def mask(self, mask: Tensor) -> Tensor:
        """Sort a mask (B, sensors) into the cells (B, 1, rows, columns) that the encoder must not see."""
        return mask[:, self.coarse][:, self.under].any(-1).reshape(-1, 1, *self.shape)


def _coarse_cells_under(shape: tuple[int, int], pool: tuple[int, int], layout: Layout) -> NDArray[np.int64]:
    """Return the coarse cells under every cell of a fine grid, (cells, k); some occur several times."""
    coarse = index_map("outer_coarse", layout).shape
    fine = outer_fine_grid(layout=layout).shape
    numbers = np.arange(math.prod(coarse)).reshape(coarse)
    enlarged = numbers.repeat(fine[0] // coarse[0], axis=0).repeat(fine[1] // coarse[1], axis=1)
    blocks = enlarged[: shape[0] * pool[0], : shape[1] * pool[1]]
    return blocks.reshape(shape[0], pool[0], shape[1], pool[1]).swapaxes(1, 2).reshape(math.prod(shape), -1)


FINE_GRIDS: dict[str, type[_FineGrid]] = {grid.layout: grid for grid in (PhysicalFineGrid, EarlierFineGrid)}


def combine_sensors(normalizer: Normalizer, y: Tensor, share: Tensor, area: Tensor) -> Tensor:
    """Combine the normalized readings of the sensors of every cell, (B, cells, k, 2), into (B, cells, 2).

    Parameters
    ----------
    normalizer
        Scale of the readings, and the sentinels of invalid ones.
    y
        The readings.
    share, area
        Part of a sensor's photons that belong to the cell, and the area of it there; (cells, k) or 1.
    """
    npho, time = y.unbind(-1)
    counted = npho != normalizer.sentinel_npho
    photons = normalizer.photons(npho) * share
    seen = torch.where(counted, area, 0).sum(-1)
    density = torch.where(counted, photons, 0).sum(-1) / _or_one(seen)
    npho = torch.where(seen > 0, normalizer.normalize_photons(density), normalizer.sentinel_npho)
    return torch.stack([npho, mean_of_valid(time, area, normalizer.sentinel_time)], dim=-1)


def mean_of_valid(time: Tensor, area: Tensor, sentinel: Tensor) -> Tensor:
    """Average the times (B, cells, k) of every cell over the area of the valid ones; else the sentinel."""
    timed = time != sentinel
    measured = torch.where(timed, area, 0).sum(-1)
    mean = torch.where(timed, area * time, 0).sum(-1) / _or_one(measured)
    return torch.where(measured > 0, mean, sentinel)


def _or_one(area: Tensor) -> Tensor:
    """Replace 0 by 1: where nothing was seen the quotient is not used."""
    return torch.where(area > 0, area, 1)
