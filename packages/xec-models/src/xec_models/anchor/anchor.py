"""The first part of an anchored network: what is known conventionally, and the inputs relative to it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from xec_data.simulation.configuration import SIGNAL_ENERGY
from xec_models.anchor.conventional import (
    NANO,
    AnchorEstimate,
    AnchorTruth,
    ConventionalReconstruction,
    blocks,
)
from xec_models.anchor.summary import Summary
from xec_models.anchor.window import N_TOKENS, Window, WindowReadings
from xec_models.encoder.readings import Readings, read

_SOMEWHERE = (0.0, 0.0, 3.0)


class Anchored(NamedTuple):
    """What the rest of the network gets of B events.

    Attributes
    ----------
    estimate
        The conventional estimates; NaN where there is none.
    npho, time
        (B, sensors) photons as the sensors would have seen them in their nominal places; seconds, shifted so
        that the anchor's time is the same in all events.
    tokens
        (B, n, dim) of the window; n may be 0.
    numbers
        (B, k) of the summary.
    """

    estimate: AnchorEstimate
    npho: Tensor
    time: Tensor
    tokens: Tensor
    numbers: Tensor


class Anchor(nn.Module):
    """A conventional reconstruction, the window around its point, and a summary.

    Parameters
    ----------
    reconstruction
        The reconstruction.
    window
        The window; None: the network looks at whole faces alone.
    dim
        Width of a token.
    """

    clock: Tensor

    def __init__(self, reconstruction: ConventionalReconstruction, window: Window | None, dim: int) -> None:
        super().__init__()
        self.reconstruction, self.dim = reconstruction, dim
        self.window = window
        self.summary = Summary()
        self.register_buffer("clock", torch.zeros(()))

    @property
    def n_tokens(self) -> int:
        """Number of tokens."""
        return 0 if self.window is None else N_TOKENS

    @torch.no_grad()
    def estimate(self, npho: Tensor, time: Tensor) -> AnchorEstimate:
        """Return the conventional estimates for B events, as they can be held in `forward`."""
        estimate: AnchorEstimate = self.reconstruction(read(npho, time, self.clock.dtype))
        return estimate

    def forward(self, npho: Tensor, time: Tensor, held: AnchorEstimate | None = None) -> Anchored:
        """Reconstruct B events from raw readings.

        Parameters
        ----------
        npho, time
            (B, sensors) raw readings.
        held
            Estimates taken for these events, such as those of similar readings; by default their own. Point,
            energy and time, and with them the place of the window, then do not depend on the readings, and
            everything else is differentiable in them. Sensors without a count keep the photons of `held`.
        """
        readings = read(npho, time, self.clock.dtype)
        # Calibrations are not trained, and in training readings need no gradient.
        with torch.set_grad_enabled(held is not None and torch.is_grad_enabled()):
            if held is None:
                estimate = self.reconstruction(readings)
            else:
                estimate = held._replace(counts=_live_counts(readings, held.counts))
            known = self._without_gaps(estimate)
            shift = (known.time * NANO - self.clock) / NANO
            late = torch.where(readings.timed, readings.times - shift, time.to(self.clock.dtype))
            photons = self._in_nominal_places(npho, readings, estimate)
        if self.window is None:
            tokens, seen = known.uvw.new_zeros(known.uvw.shape[0], 0, self.dim), None
        else:
            seen = self._gather(self.window, readings, known)
            tokens = self.window(seen)
        return Anchored(estimate, photons, late, tokens, self.summary(known, _offset(known, seen)))

    def _in_nominal_places(self, npho: Tensor, readings: Readings, estimate: AnchorEstimate) -> Tensor:
        transport = self.reconstruction.transport
        if transport is None:
            return npho
        moved = transport(readings.counts, estimate.xyz)
        return torch.where(readings.counted, moved, npho.to(moved.dtype))

    def _gather(self, window: Window, readings: Readings, known: AnchorEstimate) -> WindowReadings:
        transport = self.reconstruction.transport
        if transport is not None:
            known = known._replace(counts=transport(known.counts, known.xyz))
        gathered: WindowReadings = window.gather(readings, known)
        return gathered

    @torch.no_grad()
    def fit(self, npho: Tensor, time: Tensor, truth: AnchorTruth) -> AnchorEstimate:
        """Calibrate with n events, (n, sensors) raw readings and their truth; return the estimates.

        Raises
        ------
        ModelError
            If too few events have light and valid truth.
        """
        self.reconstruction.fit(npho, time, truth)
        estimates, numbers = [], []
        for block in blocks(npho, time):
            readings = read(*block, self.clock.dtype)
            estimate: AnchorEstimate = self.reconstruction(readings)
            known = self._without_gaps(estimate)
            seen = None if self.window is None else self._gather(self.window, readings, known)
            lit = estimate.energy.isfinite().squeeze(1)
            numbers.append(self.summary.numbers(known, _offset(known, seen))[lit])
            estimates.append(estimate._replace(counts=estimate.counts[:, :0]))
        self.summary.fit(torch.cat(numbers))
        found = AnchorEstimate(*(torch.cat(values) for values in zip(*estimates, strict=True)))
        times = found.time[found.time.isfinite()]
        if len(times):
            self.clock.copy_(times.double().quantile(0.5) * NANO)
        return found

    def _without_gaps(self, estimate: AnchorEstimate) -> AnchorEstimate:
        """Put numbers where there is no estimate, so that nothing else becomes NaN: not a result."""
        somewhere = estimate.uvw.new_tensor(_SOMEWHERE)
        return estimate._replace(
            uvw=torch.where(estimate.uvw.isnan(), somewhere, estimate.uvw),
            xyz=estimate.xyz.nan_to_num(0.0),
            energy=torch.where(estimate.energy.isnan(), SIGNAL_ENERGY, estimate.energy),
            time=torch.where(estimate.time.isnan(), self.clock / NANO, estimate.time),
        )


def _live_counts(readings: Readings, filled: Tensor) -> Tensor:
    """Return the counts where there are some, else those that were filled in; differentiable."""
    counts = torch.where(readings.counted, readings.counts, filled)
    if counts.requires_grad:
        # A window takes the root of the light: of less than none, which is cut off, 0 · ∞ comes back.
        counts.register_hook(torch.nan_to_num)  # type: ignore[no-untyped-call]
    return counts


def _offset(known: AnchorEstimate, seen: WindowReadings | None) -> Tensor:
    """Return the offset of the point from the middle of its window, (B, 2); 0 without a window."""
    return known.uvw.new_zeros(known.uvw.shape[0], 2) if seen is None else seen.offset
