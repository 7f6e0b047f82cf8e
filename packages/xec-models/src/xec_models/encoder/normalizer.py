"""Normalization of raw photons and seconds, and its inverse.

It is the first module of every network, with the formulas of `NphoTransform` in xec-data, so that checkpoints
and exported graphs carry their constants.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from xec_data.normalization.schemes import SCHEMES
from xec_data.normalization.transforms import NormalizationConfig
from xec_models.blocks.namespace import TORCH
from xec_models.encoder.readings import read


class Normalizer(nn.Module):
    """Normalization of readings, with sentinels for invalid ones.

    Parameters
    ----------
    config
        Scheme, scales, sentinels and threshold.
    """

    npho_scale: Tensor
    npho_scale2: Tensor
    time_scale: Tensor
    time_shift: Tensor
    sentinel_npho: Tensor
    sentinel_time: Tensor
    npho_threshold: Tensor
    lowest: Tensor

    def __init__(self, config: NormalizationConfig) -> None:
        super().__init__()
        self.config = config
        self.scheme = SCHEMES[config.npho_scheme]
        constants = {
            name: getattr(config, name)
            for name in (
                "npho_scale",
                "npho_scale2",
                "time_scale",
                "time_shift",
                "sentinel_npho",
                "sentinel_time",
                "npho_threshold",
            )
        }
        for name, value in constants.items():
            # Not persistent: only the checkpoint's configuration states them.
            self.register_buffer(name, torch.tensor(float(value)), persistent=False)
        lowest = float(self.scheme.lowest(config.npho_scale))
        self.register_buffer("lowest", torch.tensor(lowest), persistent=False)

    def forward(self, npho: Tensor, time: Tensor) -> Tensor:
        """Normalize raw readings.

        Parameters
        ----------
        npho
            (B, sensors) photons.
        time
            (B, sensors) seconds.

        Returns
        -------
        Tensor (B, sensors, 2)
            Sentinels where a count is no reading (|x| > 9e9, NaN), and where a time is none, or belongs
            to an invalid count or to one below `npho_threshold`.
        """
        dtype = self.npho_scale.dtype
        # Invalid numbers are replaced before the formulas too: NaN · 0 would spoil gradients.
        readings = read(npho, time, dtype)
        counted, timed = readings.counted, readings.timed & (readings.counts >= self.npho_threshold)
        counts = self.normalize_photons(readings.counts)
        times = readings.times / self.time_scale - self.time_shift
        return torch.stack(
            [
                torch.where(counted, counts, self.sentinel_npho),
                torch.where(timed, times, self.sentinel_time),
            ],
            dim=-1,
        )

    def normalize_photons(self, npho: Tensor) -> Tensor:
        """Normalize valid counts; one below the scheme's domain becomes 0."""
        usable = self.scheme.in_domain(npho, self.lowest)
        counts: Tensor = torch.where(usable, npho, 0)
        normalized: Tensor = self.scheme.forward(TORCH, counts, self.npho_scale, self.npho_scale2)
        return torch.where(usable, normalized, 0)

    def photons(self, y: Tensor) -> Tensor:
        """Convert normalized counts to photons, the inverse of `normalize_photons`."""
        photons: Tensor = self.scheme.inverse(TORCH, y, self.npho_scale, self.npho_scale2)
        return photons

    def seconds(self, y: Tensor) -> Tensor:
        """Convert normalized times to seconds."""
        return (y + self.time_shift) * self.time_scale

    def sentinels(self) -> Tensor:
        """Return the sentinels (2,) of count and time."""
        return torch.stack([self.sentinel_npho, self.sentinel_time])
