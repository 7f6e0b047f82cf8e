"""A conventional reconstruction in torch: point, energy and time of an event, calibrated on the truth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from xec_data.simulation.constants import CONSTANTS
from xec_geometry import SensorTable
from xec_geometry.detector.parameters import INNER_RADIUS
from xec_models.anchor.calibration import Calibration
from xec_models.anchor.light_pattern import LightPattern, SummedPattern, WindowedPattern
from xec_models.anchor.start_time import StartTime
from xec_models.anchor.transport import Transport
from xec_models.encoder.readings import Readings, read
from xec_models.errors import ModelError

MINIMUM_EVENTS = 50
BLOCK = 250
NANO = 1e9
"""Nanoseconds in a second: calibrations of times are stored in ns."""

# In units of the usual light of that energy: no photon is so bright, and one such event would outweigh all.
_FAR_TOO_BRIGHT = 30.0


class AnchorEstimate(NamedTuple):
    """Estimates for B events; NaN where an event has too little light for them.

    Attributes
    ----------
    uvw, xyz
        First interaction point, (B, 3) in cm.
    energy
        (B, 1) in GeV.
    time
        Of the first interaction, (B, 1) in s.
    counts
        Photons of all sensors without holes, (B, sensors).
    """

    uvw: Tensor
    xyz: Tensor
    energy: Tensor
    time: Tensor
    counts: Tensor


class AnchorTruth(NamedTuple):
    """True values of n events: point (n, 3) in cm, energy (n,) in GeV, time (n,) in s."""

    uvw: Tensor
    energy: Tensor
    time: Tensor


class ConventionalReconstruction(nn.Module):
    """Point from the centre and width of the light, energy from its amount, time from the bright sensors.

    Fixed numbers of steps and static shapes. The calibrations are buffers; nothing is trained.

    Parameters
    ----------
    pattern
        Measures the light.
    start_time
        Measures the time at which it started.
    depth_degree, energy_degree
        Degrees of the calibrations: of the depth in the light's shape, of GeV per photon in (u, v, w).
    geometry
        Where the sensors stand; nominal by default. As built, the light is measured twice: as it is, and
        as the sensors would have seen it in their nominal places, from the point that was found first.

    Attributes
    ----------
    transport
        That scaling of the light; None with the nominal geometry.
    """

    time_offset: Tensor
    n_events: Tensor

    def __init__(
        self,
        pattern: SummedPattern | WindowedPattern,
        start_time: StartTime,
        *,
        depth_degree: int,
        energy_degree: int,
        geometry: SensorTable | None = None,
    ) -> None:
        super().__init__()
        built = geometry is not None and not geometry.is_nominal
        self.transport = Transport(geometry) if geometry is not None and built else None
        self.pattern, self.start_time = pattern, start_time
        self.u, self.v = Calibration(1, degree=1), Calibration(1, degree=1)
        self.w = Calibration(pattern.n_shape, depth_degree)
        self.energy = Calibration(3, energy_degree)
        # Until it is calibrated: the centre as it is, at the surface, all photons seen.
        self.u.coefficients[1], self.v.coefficients[1] = 1.0, 1.0
        self.energy.coefficients[0] = CONSTANTS.energy_per_photon
        self.register_buffer("time_offset", torch.zeros(()))
        self.register_buffer("n_events", torch.zeros((), dtype=torch.int64))

    def forward(self, readings: Readings) -> AnchorEstimate:
        """Reconstruct B events."""
        pattern = self._pattern(readings)
        point = self._point(pattern)
        # Noise alone may add up to less than nothing: then its brightest spot is no point either.
        known = pattern.lit & (pattern.photons > 0)
        uvw = torch.where(known.unsqueeze(1), point, torch.nan)
        xyz = _to_space(uvw)
        # A calibration far outside of the events that it was fitted to may be negative.
        energy = pattern.photons * self.energy(uvw)
        energy = torch.where(energy > 0, energy, torch.nan)
        # Nanoseconds: exporters of graphs drop a constant that they take for zero, such as 3e-9.
        time = (self.start_time(readings, xyz) * NANO + self.time_offset) / NANO
        return AnchorEstimate(uvw, xyz, energy.unsqueeze(1), time.unsqueeze(1), pattern.counts)

    @torch.no_grad()
    def fit(self, npho: Tensor, time: Tensor, truth: AnchorTruth) -> None:
        """Fit the calibrations to the truth by least squares.

        Parameters
        ----------
        npho, time
            (n, sensors) raw readings.
        truth
            Of the same events. Those without light on the inner face, without a positive true energy, or with
            far more light than others of their energy are not used.

        Raises
        ------
        ModelError
            If fewer than `MINIMUM_EVENTS` can be used.
        """
        dtype = self.time_offset.dtype
        parts = [read(*block, dtype) for block in blocks(npho, time)]
        pattern = _joined([_without_counts(self.pattern(part)) for part in parts])
        good = self._fit_light(pattern, truth)
        if self.transport is not None:
            # Again, with the light that is found from the points of these calibrations.
            pattern = _joined([_without_counts(self._pattern(part)) for part in parts])
            good = self._fit_light(pattern, truth)
        xyz = _to_space(self._point(pattern))
        start = torch.cat(
            [self.start_time(part, xyz[i * BLOCK : (i + 1) * BLOCK]) for i, part in enumerate(parts)]
        )
        late = (truth.time - start)[good]
        late = late[late.isfinite()]
        self.time_offset.copy_(_median(late) * NANO if len(late) else torch.tensor(torch.nan))
        self.n_events.copy_(good.sum())

    def _fit_light(self, pattern: LightPattern, truth: AnchorTruth) -> Tensor:
        """Fit the calibrations of point and energy; return which events were used, (n,)."""
        finite = truth.uvw.isfinite().all(dim=1) & truth.energy.isfinite() & truth.time.isfinite()
        good = pattern.lit & (pattern.photons > 0) & finite & (truth.energy > 0)
        if good.sum() < MINIMUM_EVENTS:
            raise ModelError(
                f"{int(good.sum())} of {len(good)} events have light and valid truth; expected at least "
                f"{MINIMUM_EVENTS} to calibrate with"
            )
        brightness = pattern.photons / truth.energy
        good &= brightness < _FAR_TOO_BRIGHT * _median(brightness[good])
        self.u.fit(pattern.u[good].unsqueeze(1), truth.uvw[good, 0])
        self.v.fit(pattern.v[good].unsqueeze(1), truth.uvw[good, 1])
        self.w.fit(pattern.shape[good], truth.uvw[good, 2])
        point = self._point(pattern)
        self.energy.fit(point[good], truth.energy[good], factor=pattern.photons[good])
        return good

    def _pattern(self, readings: Readings) -> LightPattern:
        """Measure the light: its shape as the nominal detector would have seen it."""
        pattern: LightPattern = self.pattern(readings)
        if self.transport is None:
            return pattern
        xyz = torch.where(pattern.lit.unsqueeze(1), _to_space(self._point(pattern)), torch.nan)
        moved: LightPattern = self.pattern(readings._replace(counts=self.transport(readings.counts, xyz)))
        # The amount is what was seen: the scales of many sensors, each from a rough point, would blur it.
        return moved._replace(photons=pattern.photons, counts=pattern.counts)

    def _point(self, pattern: LightPattern) -> Tensor:
        return torch.stack(
            [
                self.u(pattern.u.unsqueeze(1)),
                self.v(pattern.v.unsqueeze(1)),
                self.w(pattern.shape).clamp_min(0),
            ],
            dim=1,
        )


def _to_space(uvw: Tensor) -> Tensor:
    """Turn (u, v, w) into (x, y, z), (B, 3) each in cm; see `xec_geometry.uvw_to_xyz`."""
    u, v, w = uvw.unbind(dim=1)
    radius, psi = w + INNER_RADIUS, v / INNER_RADIUS
    return torch.stack([-radius * torch.cos(psi), radius * torch.sin(psi), u], dim=1)


def blocks(npho: Tensor, time: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Divide events into blocks, at least one: several images of each event are alive at once."""
    for start in range(0, max(len(npho), 1), BLOCK):
        yield npho[start : start + BLOCK], time[start : start + BLOCK]


def _without_counts(pattern: LightPattern) -> LightPattern:
    return pattern._replace(counts=pattern.counts[:, :0])


def _joined(parts: list[LightPattern]) -> LightPattern:
    return LightPattern(*(torch.cat(values) for values in zip(*parts, strict=True)))


def _median(values: Tensor) -> Tensor:
    # torch.median takes the lower of the two in the middle.
    return values.double().quantile(0.5)
