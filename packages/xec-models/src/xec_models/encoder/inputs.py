"""Readings in every form that networks accept: tensors or arrays, separate or stacked."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from xec_geometry import N_SENSORS
from xec_models.encoder.arrays import event_rows
from xec_models.errors import ModelError


def split_readings(
    npho: ArrayLike | Tensor, time: ArrayLike | Tensor | None, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Return raw readings as two tensors of one shape.

    Parameters
    ----------
    npho
        (B, sensors), (sensors,) for one event, or (B, sensors, 2) with the times behind the counts: tensors,
        or arrays of numpy or awkward.
    time
        As `npho`, or None if stacked.
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
    if time is None:
        counts = npho if isinstance(npho, Tensor) else torch.as_tensor(_native(npho), device=device)
        if counts.ndim != 3 or counts.shape[1:] != (N_SENSORS, 2):
            raise ModelError(
                f"stacked readings have the shape {tuple(counts.shape)}, expected (events, {N_SENSORS}, 2); "
                "or give npho and time as two arguments"
            )
        return counts[..., 0], counts[..., 1]
    return _events(npho, "npho", device), _events(time, "time", device)


def _events(values: ArrayLike | Tensor, name: str, device: torch.device) -> Tensor:
    if not isinstance(values, Tensor):
        return torch.as_tensor(event_rows(values, name), device=device)
    rows = values.unsqueeze(0) if values.ndim == 1 else values
    if rows.ndim != 2 or rows.shape[1] != N_SENSORS:
        raise ModelError(f"{name} has the shape {tuple(values.shape)}, expected (events, {N_SENSORS})")
    return rows


def _native(values: ArrayLike) -> NDArray[Any]:
    array = np.asarray(values)
    # torch takes neither other byte orders nor views that run backwards.
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
