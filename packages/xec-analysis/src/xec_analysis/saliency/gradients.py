"""Derivatives of a regressor's outputs with respect to its readings, and their integrals along a path.

Integrated gradients: M. Sundararajan, A. Taly, Q. Yan, "Axiomatic Attribution for Deep Networks",
arXiv:1703.01365 (2017). They are a few lines of autograd here, because all outputs share one graph of the
network, sensors without a reading stay without one along the path, and an anchor is held.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from xec_data.schema.branches import INVALID_ABOVE
from xec_data.tasks.output import Output
from xec_data.tasks.table import TASKS
from xec_models.anchor.conventional import AnchorEstimate
from xec_models.regressor.regressor import XECRegressor

MOST_PIECES = 48
"""Into which the way of integrated gradients may be divided."""

# Nodes of Gauss and Legendre in each piece, and pieces to begin with.
_NODES, _FIRST_PIECES = 8, 4
# Share of an output's changes along the way that may be missed.
_TOLERANCE, _TINY, _ROUNDINGS = 0.01, 1e-30, 16
_INVISIBLE_STEPS = 4


class Sample(NamedTuple):
    """Raw readings of B events, (B, sensors) each: photons and seconds."""

    npho: Tensor
    time: Tensor

    @property
    def counted(self) -> Tensor:
        """Whether a sensor has a count."""
        return self.npho.abs() <= INVALID_ABOVE

    @property
    def timed(self) -> Tensor:
        """Whether a sensor has a time, and a count with it."""
        return (self.time.abs() <= INVALID_ABOVE) & self.counted

    def rows(self, chosen: slice) -> Sample:
        """Return some of the events."""
        return Sample(self.npho[chosen], self.time[chosen])


def outputs_of(network: XECRegressor) -> tuple[Output, ...]:
    """Return the outputs whose derivatives mean something: those of all tasks but classifications."""
    tasks = (TASKS[name] for name in network.tasks)
    return tuple(output for task in tasks if not task.n_classes for output in task.outputs)


def evaluate(network: XECRegressor, sample: Sample, held: AnchorEstimate | None) -> Tensor:
    """Return the `outputs_of` a network, (B, outputs) in their units, with what its anchor found held."""
    physical = network.to_physical(network.forward_standardized(*sample, held=held))
    return torch.cat([physical[name] for name in network.tasks if not TASKS[name].n_classes], dim=1)


def held_estimates(network: XECRegressor, sample: Sample) -> AnchorEstimate | None:
    """Return what the anchor of a network finds in events, None without an anchor."""
    return None if network.anchor is None else network.anchor.estimate(*sample)


def gradients(network: XECRegressor, sample: Sample, held: AnchorEstimate | None) -> Tensor:
    """Differentiate every output with respect to every reading.

    Parameters
    ----------
    network
        In evaluation mode.
    sample
        B events.
    held
        Of `held_estimates`: point, energy, time and window of the anchor stay as they are.

    Returns
    -------
    Tensor (outputs, B, sensors, 2)
        Per photon and per second; 0 for sensors without a reading.
    """
    npho, time = (values.detach().clone().requires_grad_() for values in sample)
    return _derivatives(evaluate(network, Sample(npho, time), held), (npho, time))


def _derivatives(outputs: Tensor, readings: tuple[Tensor, Tensor]) -> Tensor:
    found = []
    for k in range(outputs.shape[1]):
        # Events do not interact: the derivative of the sum is that of each.
        parts = torch.autograd.grad(outputs[:, k].sum(), readings, retain_graph=True)
        # Roots have no derivative where there is no light.
        found.append(torch.stack(parts, dim=-1).nan_to_num(0.0, 0.0, 0.0))
    return torch.stack(found)


def mean_event(sample: Sample) -> Sample:
    """Return the mean photons and times of each sensor over the events that have them, (1, sensors) each."""

    def mean(values: Tensor, valid: Tensor) -> Tensor:
        total = torch.where(valid, values, 0).sum(dim=0, keepdim=True)
        return total / valid.sum(dim=0, keepdim=True).clamp_min(1)

    return Sample(mean(sample.npho, sample.counted), mean(sample.time, sample.timed))


def starting_points(network: XECRegressor, sample: Sample, mean: Sample) -> Sample:
    """Return where the path to each event begins: at the mean event, as this event would see it.

    Sensors without a reading have none there, and a sensor stays on its side of the number of photons below
    which its time is not heard: the output would jump there, and no derivative tells of a jump.
    """
    threshold = network.encoder.normalizer.npho_threshold
    heard = sample.timed & (sample.npho >= threshold)
    unheard = sample.timed & (sample.npho < threshold)
    npho = mean.npho.expand_as(sample.npho)
    npho = torch.where(heard, npho.clamp_min(threshold), npho)
    npho = torch.where(unheard, torch.minimum(npho, 0.999 * threshold), npho)
    return Sample(
        torch.where(sample.counted, npho, sample.npho), torch.where(sample.timed, mean.time, sample.time)
    )


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
    starting point to the event (completeness). As it has to be that of every piece of the way, too, pieces
    where it is not are halved: norms of layers can turn round within a hundredth of the way.

    Parameters
    ----------
    network, sample, held
        As for `gradients`.
    start
        Of `starting_points`.
    most_pieces
        Into how many pieces the way may be divided.

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
        edges = torch.linspace(0, 1, _FIRST_PIECES + 1).tolist()
        pieces = [self.piece(a, b) for a, b in pairwise(edges)]
        while len(pieces) < most_pieces:
            change = torch.stack([piece.change.abs() for piece in pieces]).sum(dim=0)
            missed = torch.stack([piece.missed for piece in pieces]) / change.clamp_min(_TINY)
            worst = int(missed.amax(dim=1).argmax())
            if float(missed.sum(dim=0).amax()) < _TOLERANCE:
                break
            piece = pieces.pop(worst)
            middle = (piece.begin + piece.end) / 2
            pieces += [self.piece(piece.begin, middle), self.piece(middle, piece.end)]
        return torch.stack([piece.integral for piece in pieces]).sum(dim=0)

    def piece(self, begin: float, end: float) -> _Piece:
        """Integrate over a part of the way."""
        nodes, weights = _nodes(_NODES, self.length)
        at = torch.cat([nodes.new_tensor([0.0, 1.0]), nodes])[:, None] * (end - begin) + begin
        light = torch.lerp(self.first, self.last, at).requires_grad_()
        time = torch.lerp(self.start.time, self.end.time, at).requires_grad_()
        npho = torch.where(self.end.counted, self.network.encoder.normalizer.photons(light), self.end.npho)
        outputs = evaluate(self.network, Sample(npho, time), _repeated(self.held, len(at)))
        slopes = _derivatives(outputs, (light, time))[:, 2:]
        integral = (slopes * weights[:, None, None]).sum(dim=1) * self.length * (end - begin)
        change = (outputs[1] - outputs[0]).detach()
        missed = (integral.sum(dim=(1, 2)) - change).abs()
        # Differences of outputs are not known better than outputs are rounded.
        rounding = _ROUNDINGS * torch.finfo(outputs.dtype).eps * outputs[0].detach().abs()
        return _Piece(begin, end, integral, change, (missed - rounding).clamp_min(0))


class _Piece(NamedTuple):
    """A part of a way: its ends, the integral, the change of each output, and by how much both differ."""

    begin: float
    end: float
    integral: Tensor
    change: Tensor
    missed: Tensor


def _invisible_leg(network: XECRegressor, end: Sample, held: AnchorEstimate | None) -> Tensor:
    """Integrate from the edges of the domain to the event."""
    at, weights = _nodes(_INVISIBLE_STEPS, end.npho)
    edge = network.encoder.normalizer.photons(network.encoder.normalizer.normalize_photons(end.npho))
    edge = torch.where(end.counted, edge, end.npho)
    way = Sample(torch.lerp(edge, end.npho, at[:, None]), end.time.expand(len(at), -1))
    slopes = (gradients(network, way, _repeated(held, len(at))) * weights[:, None, None]).sum(dim=1)
    beyond = _difference(edge, end.npho)
    return slopes * torch.cat([beyond, torch.zeros_like(beyond)]).T


def _nodes(steps: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Return nodes and weights of Gauss and Legendre on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    return torch.as_tensor((nodes + 1) / 2).to(like), torch.as_tensor(weights / 2).to(like)


def _repeated(held: AnchorEstimate | None, n: int) -> AnchorEstimate | None:
    return None if held is None else AnchorEstimate(*(values.expand(n, -1) for values in held))


def _difference(start: Tensor, end: Tensor) -> Tensor:
    """Return by how much readings move; those that are not there do not."""
    return (end - start).nan_to_num(0.0, 0.0, 0.0)
