"""The sensors around the anchor's point, on the scale of the event's own light, as tokens."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from xec_data.simulation.configuration import SIGNAL_ENERGY
from xec_geometry import SensorTable, sensor_positions
from xec_models.anchor.conventional import NANO, AnchorEstimate
from xec_models.anchor.inner_face import InnerFace
from xec_models.anchor.start_time import LIGHT_SPEED
from xec_models.blocks.channel_norm import ChannelNorm
from xec_models.blocks.convnext import ConvNeXtV2Block, conv_channels_last
from xec_models.encoder.readings import Readings

N_TOKENS = 4
"""Tokens of a window."""

# √photons of the brightest sensors at the signal energy: the scale of the light.
_LIGHT_SCALE = 20.0
_BRIGHTEST = 20.0  # of showers: 17
_LATEST = 3.0  # ns
_CHANNELS = 4


class WindowReadings(NamedTuple):
    """The window of B events.

    Attributes
    ----------
    channels
        (B, rows, columns, 4): √(photons at the signal energy), times minus the anchor's time and the way of
        the light in ns, whether there is a time, whether there is a sensor with a reading.
    offset
        (B, 2) from the middle of the window to the anchor's point in sensors, columns then rows, within ± ½.
    """

    channels: Tensor
    offset: Tensor


class WindowGather(nn.Module):
    """Gathers the sensors around a point of the inner face; cells off the face are empty.

    Parameters
    ----------
    size
        Rows and columns of the window.
    geometry
        Where the sensors stand; nominal by default. It counts for the way of the light: photons are those of
        the estimate, scaled to the nominal places.
    """

    x: Tensor
    y: Tensor
    z: Tensor
    around_rows: Tensor
    around_columns: Tensor

    def __init__(self, size: tuple[int, int], geometry: SensorTable | None = None) -> None:
        super().__init__()
        self.size = size
        self.inner = InnerFace()
        first, n_sensors = self.inner.first, self.inner.shape[0] * self.inner.shape[1]
        every = sensor_positions() if geometry is None else geometry.positions
        positions = every[first : first + n_sensors]
        for name, values in zip("xyz", positions.T, strict=True):
            constant = torch.tensor(values, dtype=torch.get_default_dtype())
            self.register_buffer(name, constant, persistent=False)
        self.register_buffer("around_rows", torch.arange(size[0]), persistent=False)
        self.register_buffer("around_columns", torch.arange(size[1]), persistent=False)

    def forward(self, readings: Readings, estimate: AnchorEstimate) -> WindowReadings:
        """Gather the window of every event; the estimates must be numbers."""
        columns, offset_column = _place(estimate.uvw[:, 0], self.inner.columns, self.around_columns)
        rows, offset_row = _place(estimate.uvw[:, 1], self.inner.rows, self.around_rows)
        on_face = _inside(rows, self.inner.rows).unsqueeze(2) & _inside(
            columns, self.inner.columns
        ).unsqueeze(1)
        cells = _nearest(rows, self.inner.rows).unsqueeze(2) * len(self.inner.columns)
        cells = (cells + _nearest(columns, self.inner.columns).unsqueeze(1)).flatten(1)

        def pick(image: Tensor) -> Tensor:
            return image.flatten(1).gather(1, cells).reshape(-1, *self.size)

        photons = pick(self.inner.image(estimate.counts).clamp_min(0))
        timed = pick(self.inner.image(readings.timed.to(photons.dtype))) * on_face
        exists = pick(self.inner.image(readings.counted.to(photons.dtype))) * on_face
        light = (photons / (estimate.energy / SIGNAL_ENERGY).unsqueeze(2)).sqrt() / _LIGHT_SCALE
        # Noise alone can have hardly any energy.
        light = light.clamp_max(_BRIGHTEST)
        late = pick(self.inner.image(readings.times)) - estimate.time.unsqueeze(2)
        late = (late - self._way(cells, estimate.xyz) / LIGHT_SPEED) * NANO
        late = late.clamp(-_LATEST, _LATEST) * timed
        channels = torch.stack([light * on_face, late, timed, exists], dim=-1)
        return WindowReadings(channels, torch.stack([offset_column, offset_row], dim=1))

    def _way(self, cells: Tensor, xyz: Tensor) -> Tensor:
        square = torch.zeros_like(xyz[:, :1])
        for axis, positions in enumerate((self.x, self.y, self.z)):
            square = square + (positions[cells] - xyz[:, axis : axis + 1]).square()
        return square.sqrt().reshape(-1, *self.size)


class Window(nn.Module):
    """ConvNeXt V2 on a window, and a projection of all its cells to tokens: near the middle places matter.

    Two convolutions halve the resolution, and the blocks work at a quarter of it.

    Parameters
    ----------
    size
        Rows and columns, multiples of 4.
    dim
        Width of a token.
    width, depth
        Channels at half of the resolution, and number of blocks, which have twice as many.
    geometry
        Where the sensors stand; nominal by default.
    """

    def __init__(
        self,
        size: tuple[int, int],
        dim: int,
        width: int,
        depth: int,
        geometry: SensorTable | None = None,
    ) -> None:
        super().__init__()
        self.gather = WindowGather(size, geometry)
        self.stem = nn.Conv2d(_CHANNELS, width // 2, kernel_size=3, padding=1)
        self.halve = nn.Conv2d(width // 2, width, kernel_size=3, stride=2, padding=1)
        self.downsample = Downsampling(width, 2 * width)
        self.blocks = nn.ModuleList(ConvNeXtV2Block(2 * width) for _ in range(depth))
        cells = (size[0] // 4) * (size[1] // 4)
        self.project = nn.Linear(2 * width * cells, N_TOKENS * dim)
        self.position = nn.Parameter(torch.empty(1, N_TOKENS, dim))
        nn.init.normal_(self.position, std=0.02)

    def forward(self, window: WindowReadings) -> Tensor:
        """Compute the tokens, (B, N_TOKENS, dim)."""
        x = F.gelu(conv_channels_last(self.stem, window.channels))
        x = self.downsample(F.gelu(conv_channels_last(self.halve, x)))
        for block in self.blocks:
            x = block(x)
        tokens: Tensor = self.project(x.flatten(1)).reshape(-1, *self.position.shape[1:])
        return tokens + self.position


class Downsampling(nn.Module):
    """LayerNorm and a 2 × 2 convolution of stride 2, channels last.

    Parameters
    ----------
    before, after
        Channels.
    """

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.norm = ChannelNorm(before)
        self.conv = nn.Conv2d(before, after, kernel_size=2, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """Apply to (B, rows, columns, before)."""
        return conv_channels_last(self.conv, self.norm(x))


def _place(value: Tensor, axis: Tensor, around: Tensor) -> tuple[Tensor, Tensor]:
    """Return the cells (B, n) of an axis around a value, and its offset (B,) from their middle."""
    # The pitch of the inner face is the same everywhere.
    pitch = (axis[-1] - axis[0]) / (len(axis) - 1)
    cell = ((value - axis[0]) / pitch).clamp(-0.5, len(axis) - 0.5)
    reach = (len(around) - 1) / 2
    # The middle of an even window lies between two cells: a reflected value gets the reflected window.
    middle = (cell - reach).round() + reach
    return (middle - reach).long().unsqueeze(1) + around, cell - middle


def _inside(cells: Tensor, axis: Tensor) -> Tensor:
    return (cells >= 0) & (cells < len(axis))


def _nearest(cells: Tensor, axis: Tensor) -> Tensor:
    return cells.clamp(0, len(axis) - 1)
