"""Readings and events without a file."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from xec_data.schema.branches import INVALID
from xec_geometry import N_SENSORS
from xec_train.data.events import Events


def readings(n: int = 3) -> dict[str, torch.Tensor]:
    """So many events; sensor 3 has no count, sensor 4 no time."""
    generator = torch.Generator().manual_seed(5)
    npho = 2e3 * torch.rand(n, N_SENSORS, generator=generator)
    time = 1e-7 * torch.rand(n, N_SENSORS, generator=generator)
    npho[:, 3], time[:, 4] = INVALID, torch.nan
    return {"npho": npho, "time": time}


def events_with(truth: dict[str, np.ndarray[Any, Any]]) -> Events:
    """Events of which nothing but the truth is known."""
    return Events(reader=None, sources=[], truth=truth, n_stored=0)  # type: ignore[arg-type]
