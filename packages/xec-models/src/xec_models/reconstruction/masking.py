"""Random masks of sensors: exactly a given fraction of the valid ones of each event."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from xec_geometry import FaceName, face_ids

# Constants of the generator splitmix64 (G. Steele et al., OOPSLA 2014), as signed numbers.
_STEP = -0x61C8864680B583EB
_FIRST = -0x40A7B892E31B1A47
_SECOND = -0x6B2FB644ECCEEE15


def draw_mask(
    valid: Tensor,
    ratio: float,
    *,
    preferred: Tensor | None = None,
    scores: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Draw a mask at random.

    Parameters
    ----------
    valid
        (B, sensors) bool, the sensors to choose from.
    ratio
        Fraction of the valid sensors of an event that is chosen; the number is rounded down.
    preferred
        (B, sensors) relative probabilities > 0 of being chosen next; None: equal ones.
    scores
        (B, sensors) uniform numbers in [0, 1) to choose by, for instance `event_scores`; None: new ones.
    generator
        Random generator of new scores; None: that of torch.

    Returns
    -------
    Tensor (B, sensors) bool
        In every row floor(ratio · valid) sensors, all of them valid.
    """
    if scores is None:
        scores = torch.rand(valid.shape, generator=generator, device=valid.device)
    if preferred is not None:
        # The smallest of exponential variables of these rates: sampling without replacement
        # (P. Efraimidis and P. Spirakis, Inf. Process. Lett. 97 (2006) 181).
        scores = -torch.log1p(-scores) / preferred
    counts = torch.floor(ratio * valid.sum(1, dtype=torch.float64) + 1e-9).long()
    return smallest(torch.where(valid, scores, torch.inf), counts)


Sensors = Tensor | slice
"""Ids of sensors, or a slice of all."""


def draw_by_face(
    ratio: float | Mapping[FaceName, float], n_sensors: int, draw: Callable[[Sensors, float], Tensor]
) -> Tensor:
    """Draw a mask of all sensors at once, or of one face after the other, each with its fraction.

    Parameters
    ----------
    ratio
        Fraction of the valid sensors that is chosen, of all or by face.
    n_sensors
        Number of all sensors.
    draw
        Called with n sensors and a fraction; returns their mask (B, n).

    Returns
    -------
    Tensor (B, sensors) bool
    """
    if not isinstance(ratio, Mapping):
        return draw(slice(None), ratio)
    parts = {face: torch.tensor(face_ids(face)) for face in ratio}
    masks = torch.cat([draw(sensors, ratio[face]) for face, sensors in parts.items()], dim=1)
    mask = masks.new_zeros(len(masks), n_sensors)
    mask[:, torch.cat(list(parts.values())).to(mask.device)] = masks
    return mask


def smallest(scores: Tensor, counts: Tensor) -> Tensor:
    """Mark the `counts` (B,) smallest numbers of every row of `scores` (B, n)."""
    if scores.device.type == "cpu":
        # A partial order is all that is needed: on one core a third of the time of sorting.
        order = torch.from_numpy(np.argpartition(scores.numpy(), np.unique(_kth(counts, scores)), axis=1))
    else:
        order = scores.argsort(1)
    chosen = torch.arange(scores.shape[1], device=scores.device) < counts.unsqueeze(1)
    return torch.zeros_like(chosen).scatter_(1, order, chosen)


def event_scores(npho: Tensor, seed: int = 0) -> Tensor:
    """Return uniform numbers in [0, 1) that depend on the event alone, not on its batch, process or device.

    Parameters
    ----------
    npho
        (B, sensors) photons, whose bits stand for the event.
    seed
        Another seed gives other numbers for the same event.

    Returns
    -------
    Tensor (B, sensors) float64
    """
    bits = npho.to(torch.float32).contiguous().view(torch.int32).long()
    sensor = torch.arange(npho.shape[1], device=npho.device)
    event = (bits * (2 * sensor + 1)).sum(1, keepdim=True) + _signed(seed * _SECOND)
    return _uniform(_mixed(event) + sensor * _STEP)


def _uniform(numbers: Tensor) -> Tensor:
    return (_mixed(numbers) >> 11 & (1 << 53) - 1).double() * 2.0**-53


def _mixed(z: Tensor) -> Tensor:
    z = (z ^ _shifted(z, 30)) * _FIRST
    z = (z ^ _shifted(z, 27)) * _SECOND
    return z ^ _shifted(z, 31)


def _signed(number: int) -> int:
    """Return the number of 64 bits that an integer becomes where larger ones wrap around."""
    return (number + (1 << 63)) % (1 << 64) - (1 << 63)


def _shifted(z: Tensor, places: int) -> Tensor:
    """Shift to the right; torch's own shift repeats the sign."""
    return z >> places & (1 << 64 - places) - 1


def _kth(counts: Tensor, scores: Tensor) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    kth: np.ndarray[tuple[int], np.dtype[np.int64]] = counts.clamp(max=scores.shape[1] - 1).numpy()
    return kth
