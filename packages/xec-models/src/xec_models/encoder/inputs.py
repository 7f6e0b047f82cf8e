"""Readings in every form that networks accept: tensors or arrays, separate or stacked."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from xec_geometry import N_SENSORS
from xec_models.errors import ModelError


def split_readings(
    npho: ArrayLike | Tensor, time: ArrayLike | Tensor | None, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Return raw readings as two tensors of one shape.

    Parameters
    ----------
    npho
        (B, sensors), or (B, sensors, 2) with the times behind the counts.
    time
        (B, sensors), or None if stacked.
    device
        Device that arrays are copied to; tensors stay on theirs.

    Returns
    -------
    tuple of Tensor
        npho and time, (B, sensors) each.

    Raises
    ------
    ModelError
        If a shape is none of these.
    """
    counts = _tensor(npho, device)
    if time is None:
        if counts.ndim != 3 or counts.shape[1:] != (N_SENSORS, 2):
            raise ModelError(
                f"stacked readings have the shape {tuple(counts.shape)}, expected (events, {N_SENSORS}, 2); "
                "or give npho and time as two arguments"
            )
        return counts[..., 0], counts[..., 1]
    times = _tensor(time, device)
    for name, values in (("npho", counts), ("time", times)):
        if values.ndim != 2 or values.shape[1] != N_SENSORS:
            raise ModelError(f"{name} has the shape {tuple(values.shape)}, expected (events, {N_SENSORS})")
    return counts, times


def _tensor(values: ArrayLike | Tensor, device: torch.device) -> Tensor:
    if isinstance(values, Tensor):
        return values
    array = np.asarray(values)
    # torch takes neither other byte orders nor views that run backwards.
    native = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
    return torch.as_tensor(native, device=device)
