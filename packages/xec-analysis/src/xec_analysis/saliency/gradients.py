"""Derivatives of a regressor's outputs with respect to its readings, and where a path to an event begins."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from xec_data.schema.branches import INVALID_ABOVE
from xec_data.tasks.output import Output
from xec_data.tasks.table import TASKS
from xec_models.anchor.conventional import AnchorEstimate
from xec_models.regressor.regressor import XECRegressor


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
    return derivatives(evaluate(network, Sample(npho, time), held), (npho, time))


def derivatives(outputs: Tensor, readings: tuple[Tensor, Tensor]) -> Tensor:
    """Differentiate outputs (B, outputs) with respect to readings, (B, sensors) each, as `gradients`."""
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
