"""Integrated gradients of a regressor's outputs.

M. Sundararajan, A. Taly, Q. Yan, "Axiomatic Attribution for Deep Networks", arXiv:1703.01365 (2017). They are
a few lines of autograd here, because all outputs share one graph of the network, sensors without a reading
stay without one along the path, and an anchor is held.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from xec_analysis.saliency.gradients import Sample, derivatives, evaluate, gradients
from xec_analysis.saliency.mesh import mesh_for
from xec_models.anchor.conventional import AnchorEstimate
from xec_models.regressor.regressor import XECRegressor

MOST_PIECES = 800
"""Into which the way of integrated gradients may be divided."""

TOLERANCE = 0.02
"""Share of an output's changes along the way that may be missed."""

_INVISIBLE_STEPS = 4
# Evaluations at a time, without and with derivatives.
_AT_ONCE, _WITH_DERIVATIVES = 128, 32


def integrated_gradients(
    network: XECRegressor,
    sample: Sample,
    start: Sample,
    held: AnchorEstimate | None,
    most_pieces: int = MOST_PIECES,
) -> Tensor:
    """Integrate the derivatives along the way from a starting point to an event.

    The way is straight in what the network sees, its normalized readings: the root of the photons has an
    infinite slope at none. Counts below the domain of the normalization all look the same; the way goes to
    its edge first, and then on to them. The sum over all readings is the change of the output from the
    starting point to the event (completeness), as far as the pieces of the way are short enough.

    Parameters
    ----------
    network, sample, held
        As for `gradients`. In single precision the change of an output along the way is lost in its rounding.
    start
        Of `starting_points`.
    most_pieces
        About how many pieces the way of an event may be divided into.

    Returns
    -------
    Tensor (outputs, B, sensors, 2)
        What every reading adds to every output, in the unit of the output.
    """
    results = []
    for event in range(len(sample.npho)):
        one = slice(event, event + 1)
        fixed = None if held is None else AnchorEstimate(*(values[one] for values in held))
        ends = start.rows(one), sample.rows(one)
        way = _Way(network, *ends, fixed)
        results.append(way.integrate(most_pieces) + _invisible_leg(network, ends[1], fixed))
    return torch.stack(results, dim=1)


class _Way:
    """The way from a starting point to an event, straight in normalized readings, within their domain."""

    def __init__(
        self, network: XECRegressor, start: Sample, end: Sample, held: AnchorEstimate | None
    ) -> None:
        self.network, self.start, self.end, self.held = network, start, end, held
        scale = network.encoder.normalizer
        self.first, self.last = (
            torch.where(x.counted, scale.normalize_photons(x.npho), 0) for x in (start, end)
        )
        moved = [self.last - self.first, _difference(start.time, end.time)]
        self.length = torch.cat(moved).T

    def integrate(self, most_pieces: int) -> Tensor:
        """Return the integral, (outputs, sensors, 2)."""
        mesh = mesh_for(self._values, TOLERANCE, most_pieces)
        parts = []
        blocks = (torch.split(values, _WITH_DERIVATIVES) for values in (mesh.middles, mesh.lengths))
        for middles, lengths in zip(*blocks, strict=True):
            light, time = (values.requires_grad_() for values in self._at(middles))
            slopes = derivatives(self._outputs(light, time), (light, time))
            parts.append(torch.einsum("kpsc,p->ksc", slopes, lengths.to(slopes)))
        return torch.stack(parts).sum(dim=0) * self.length

    @torch.no_grad()
    def _values(self, points: Tensor) -> Tensor:
        parts = [self._outputs(*self._at(some)) for some in torch.split(points, _AT_ONCE)]
        return torch.cat(parts).to(points)

    def _at(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Return normalized photons, and times, (n, sensors) each, at some points of the way."""
        share = points.to(self.first)[:, None]
        return torch.lerp(self.first, self.last, share), torch.lerp(self.start.time, self.end.time, share)

    def _outputs(self, light: Tensor, time: Tensor) -> Tensor:
        npho = torch.where(self.end.counted, self.network.encoder.normalizer.photons(light), self.end.npho)
        return evaluate(self.network, Sample(npho, time), _repeated(self.held, len(light)))


def _invisible_leg(network: XECRegressor, end: Sample, held: AnchorEstimate | None) -> Tensor:
    """Integrate from the edges of the domain to the event."""
    nodes, weights = (
        torch.as_tensor(x).to(end.npho) for x in np.polynomial.legendre.leggauss(_INVISIBLE_STEPS)
    )
    edge = network.encoder.normalizer.photons(network.encoder.normalizer.normalize_photons(end.npho))
    edge = torch.where(end.counted, edge, end.npho)
    way = Sample(torch.lerp(edge, end.npho, (nodes[:, None] + 1) / 2), end.time.expand(len(nodes), -1))
    slopes = gradients(network, way, _repeated(held, len(nodes)))
    beyond = _difference(edge, end.npho)
    return torch.einsum("kpsc,p->ksc", slopes, weights / 2) * torch.cat([beyond, torch.zeros_like(beyond)]).T


def _repeated(held: AnchorEstimate | None, n: int) -> AnchorEstimate | None:
    return None if held is None else AnchorEstimate(*(values.expand(n, -1) for values in held))


def _difference(start: Tensor, end: Tensor) -> Tensor:
    """Return by how much readings move; those that are not there do not."""
    return (end - start).nan_to_num(0.0, 0.0, 0.0)
