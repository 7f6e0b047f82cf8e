"""Raw readings with the sensors that have a photon count, and those that have a time."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from xec_data.schema.branches import INVALID_ABOVE


class Readings(NamedTuple):
    """Readings of B events, (B, sensors) each.

    Attributes
    ----------
    counts
        Photons; 0 where there is no reading.
    counted
        Whether there is a count.
    times
        Seconds; 0 where there is none.
    timed
        Whether there is a time, and a count with it.
    """

    counts: Tensor
    counted: Tensor
    times: Tensor
    timed: Tensor


def read(npho: Tensor, time: Tensor, dtype: torch.dtype) -> Readings:
    """Separate valid readings from the others (|x| > 9e9, NaN).

    Parameters
    ----------
    npho, time
        (B, sensors) raw photons and seconds.
    dtype
        Type of the result.
    """
    npho, time = npho.to(dtype), time.to(dtype)
    counted = npho.abs() <= INVALID_ABOVE
    timed = (time.abs() <= INVALID_ABOVE) & counted
    return Readings(torch.where(counted, npho, 0), counted, torch.where(timed, time, 0), timed)
