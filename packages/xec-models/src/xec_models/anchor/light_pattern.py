"""The pattern of an event's light: its centre on the inner face, its width and its amount."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from xec_geometry import N_SENSORS, face_ids, outer_fine_grid, sensor_areas, sensor_positions
from xec_geometry.detector import parameters as geometry
from xec_models.anchor.filling import Filling
from xec_models.anchor.inner_face import InnerFace, box_sum, constant
from xec_models.encoder.readings import Readings

# The window of the centroid narrows from the size of a shower to two sensors, in cm.
_WINDOWS = (8.0, 5.0, 3.5, 2.5)
_STEPS_PER_WINDOW = 2
_NARROW, _WIDE = 2.5, 12.0

_SMALLEST_SQUARE = 1e-6  # cm²
_NO_LIGHT = 1e-30


class LightPattern(NamedTuple):
    """Centre, width and amount of the light of B events.

    Attributes
    ----------
    u, v
        Centre on the inner face, (B,) in cm.
    shape
        Logarithms of widths, from which the depth is estimated, (B, k).
    photons
        Amount of light, (B,).
    counts
        Photons of all sensors as they are used, (B, sensors).
    lit
        Whether there is light on the inner face, (B,); the rest has no meaning without.
    """

    u: Tensor
    v: Tensor
    shape: Tensor
    photons: Tensor
    counts: Tensor
    lit: Tensor


class SummedPattern(nn.Module):
    """The light by plain sums: mean and spread over the inner face, all photons of all sensors.

    Its shape is the log of the mean squared distance from the centre.
    """

    n_shape = 1

    def __init__(self) -> None:
        super().__init__()
        self.inner = InnerFace()

    def forward(self, readings: Readings) -> LightPattern:
        """Measure B events; invalid readings count as nothing."""
        columns, rows = self.inner.columns, self.inner.rows
        image = self.inner.image(readings.counts).clamp_min(0)
        along_u, along_v = image.sum(dim=1), image.sum(dim=2)
        total = along_u.sum(dim=1)
        lit = total > 0
        light = torch.where(lit, total, 1)
        u, v = (along_u * columns).sum(dim=1) / light, (along_v * rows).sum(dim=1) / light
        square = _squares(along_u, columns, u) + _squares(along_v, rows, v)
        shape = (square / light).clamp_min(_SMALLEST_SQUARE).log().unsqueeze(1)
        return LightPattern(u, v, shape, readings.counts.sum(dim=1), readings.counts, lit)


class WindowedPattern(nn.Module):
    """The light around its peak, corrected for the wall that the sensors do not cover.

    The centre is the charge-weighted mean in a window that follows it and narrows. Each sensor's photons
    are scaled to the wall that it represents; sensors without a reading are filled. Its shape is the log of
    the share of the light near the centre that lies within two sensors of it, and the log of the mean
    squared distance in a wide window.
    """

    n_shape = 2
    wall: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.filling = InnerFace(), Filling()
        self.register_buffer("wall", constant(wall_per_sensor()), persistent=False)

    def forward(self, readings: Readings) -> LightPattern:
        """Measure B events."""
        counts = self.filling(readings)
        photons = (counts * self.wall).sum(dim=1)
        # Negative counts are noise: they would let a centre of gravity run away.
        image = self.inner.image(counts).clamp_min(0)
        lit = image.amax(dim=(1, 2)) > 0
        light = torch.where(lit[:, None, None], image, 1)
        u, v = self._centre(light)
        narrow, _ = self._window_moments(light, u, v, _NARROW)
        wide, square = self._window_moments(light, u, v, _WIDE)
        shape = torch.stack([(narrow / wide).log(), square.log()], dim=1)
        return LightPattern(u, v, shape, photons, counts, lit)

    def _centre(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Charge-weighted centre in a Gaussian window that follows it and narrows."""
        columns, rows = self.inner.columns, self.inner.rows
        brightest = box_sum(image).flatten(1).argmax(dim=1)
        u, v = columns[brightest % len(columns)], rows[brightest // len(columns)]
        for width in _WINDOWS:
            for _ in range(_STEPS_PER_WINDOW):
                profile_u, profile_v = self._profiles(image, u, v, width)
                u, v = _mean(profile_u, columns, u), _mean(profile_v, rows, v)
        return u, v

    def _profiles(self, image: Tensor, u: Tensor, v: Tensor, width: float) -> tuple[Tensor, Tensor]:
        """Light in a Gaussian window by column (B, columns) and by row (B, rows)."""
        along_u, along_v = _window(self.inner.columns, u, width), _window(self.inner.rows, v, width)
        profile_u = (image * along_v.unsqueeze(2)).sum(dim=1) * along_u
        profile_v = (image * along_u.unsqueeze(1)).sum(dim=2) * along_v
        return profile_u, profile_v

    def _window_moments(self, image: Tensor, u: Tensor, v: Tensor, width: float) -> tuple[Tensor, Tensor]:
        """Light in a Gaussian window, and its mean squared distance from the centre."""
        profile_u, profile_v = self._profiles(image, u, v, width)
        light = profile_u.sum(dim=1).clamp_min(_NO_LIGHT)
        square = _squares(profile_u, self.inner.columns, u) + _squares(profile_v, self.inner.rows, v)
        return light, (square / light).clamp_min(_SMALLEST_SQUARE)


def wall_per_sensor() -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the area of wall that each sensor represents over its active area, (N_SENSORS,)."""
    wall = np.empty(N_SENSORS)
    radius = np.hypot(*sensor_positions()[:, :2].T)
    phi_pitch = (geometry.INNER_PHI_LAST - geometry.INNER_PHI_FIRST) / (geometry.INNER_ROWS - 1)
    z_pitch = 2 * geometry.INNER_Z_LAST / (geometry.INNER_COLUMNS - 1)
    wall[face_ids("inner")] = geometry.INNER_RADIUS * np.radians(phi_pitch) * z_pitch
    strip = radius * np.radians(geometry.STRIP_PHI_STEP)
    side = strip * np.hypot(geometry.SIDE_RADIUS_STEP, geometry.SIDE_Z_STEP)
    for face in ("us", "ds"):
        wall[face_ids(face)] = side[face_ids(face)]
    # A PMT of the outer face represents the fine cells that it covers.
    fine_cell = strip * geometry.OUTER_Z_STEP / np.prod(geometry.COARSE_CELL)
    cells = np.bincount(outer_fine_grid().sensor[:, 0], minlength=N_SENSORS)
    outer = face_ids("outer")
    wall[outer] = (cells * fine_cell)[outer]
    for hexagonal in (face_ids("top"), face_ids("bottom")):
        wall[hexagonal] = geometry.HEX_Z_STEP * geometry.HEX_RADIUS_STEP
    return np.asarray(wall / sensor_areas(), np.float64)


def _window(axis: Tensor, centre: Tensor, width: float) -> Tensor:
    return torch.exp(-0.5 * ((axis - centre.unsqueeze(1)) / width).square())


def _mean(profile: Tensor, axis: Tensor, otherwise: Tensor) -> Tensor:
    total = profile.sum(dim=1)
    mean = (profile * axis).sum(dim=1) / total.clamp_min(_NO_LIGHT)
    return torch.where(total > 0, mean, otherwise)


def _squares(profile: Tensor, axis: Tensor, centre: Tensor) -> Tensor:
    """Sum of squared distances from the centre, weighted by light."""
    return (profile * (axis - centre.unsqueeze(1)).square()).sum(dim=1)
