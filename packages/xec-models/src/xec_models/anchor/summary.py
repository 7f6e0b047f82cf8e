"""A few numbers of an event beside its tokens: where the anchor is, its energy, the light of each face."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from xec_data.simulation.configuration import SIGNAL_ENERGY
from xec_geometry import FACES, face_ids
from xec_models.anchor.conventional import AnchorEstimate

_LIGHT_AT_SIGNAL = 1e4  # photons
_NO_LIGHT = 1e-3
_LARGEST = 5.0


class Summary(nn.Module):
    """Numbers of an event that pictures blur, standardized over a sample.

    Offset of the point from its window's middle (2), point (3), logarithms of the energy and of the light of
    each face at the signal energy.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.size = 2 + 3 + 1 + len(FACES)
        self.faces = [_runs_of(face_ids(face)) for face in FACES]
        self.register_buffer("mean", torch.zeros(self.size))
        self.register_buffer("scale", torch.ones(self.size))

    def forward(self, estimate: AnchorEstimate, offset: Tensor) -> Tensor:
        """Return the standardized numbers, (B, size)."""
        numbers = (self.numbers(estimate, offset) - self.mean) / self.scale
        return numbers.clamp(-_LARGEST, _LARGEST)

    def numbers(self, estimate: AnchorEstimate, offset: Tensor) -> Tensor:
        """Return the numbers themselves, (B, size)."""
        light = [_sum_over(estimate.counts, face) for face in self.faces]
        share = torch.stack(light, dim=1) / (estimate.energy / SIGNAL_ENERGY * _LIGHT_AT_SIGNAL)
        light_of_faces = share.clamp_min(0).add(_NO_LIGHT).log()
        return torch.cat([offset, estimate.uvw, estimate.energy.log(), light_of_faces], dim=1)

    def fit(self, numbers: Tensor) -> None:
        """Set mean and spread to those of a sample (n, size)."""
        spread = numbers.std(dim=0)
        self.mean.copy_(numbers.mean(dim=0))
        self.scale.copy_(torch.where(spread > 1e-6, spread, 1.0))


def _runs_of(ids: np.ndarray[tuple[int], np.dtype[np.int64]]) -> tuple[slice, ...]:
    """Divide ascending ids into runs of consecutive ones: slices need no table on the device."""
    edges = np.flatnonzero(np.diff(ids) != 1) + 1
    return tuple(slice(int(run[0]), int(run[-1]) + 1) for run in np.split(ids, edges))


def _sum_over(values: Tensor, runs: tuple[slice, ...]) -> Tensor:
    """Add up the values (B, sensors) of the sensors in some runs, (B,)."""
    return torch.stack([values[:, run].sum(dim=1) for run in runs]).sum(dim=0)
