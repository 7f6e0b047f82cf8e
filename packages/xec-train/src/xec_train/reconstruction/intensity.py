"""The amount of light of an event, for weights of events without truth."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xec_train.data.batch import sum_of_valid
from xec_train.data.events import Events

INTENSITY = "log10 of the photons"
_CHUNK = 8192


def intensity(npho: Tensor) -> Tensor:
    """Return the decimal logarithm (n, 1) of 1 + the sum of the valid counts of (n, sensors)."""
    return torch.log10(1 + sum_of_valid(npho).clamp_min(0)).unsqueeze(1)


def intensities(events: Events) -> NDArray[Any]:
    """Return the `intensity` (n, 1) of all events, which are read once, in chunks."""
    parts = []
    for source in events.sources:
        for start in range(0, len(source), _CHUNK):
            shard, rows = source.locate(start, min(start + _CHUNK, len(source)))
            npho = events.reader.read(shard)["npho"]
            parts.append(intensity(torch.from_numpy(npho if rows is None else npho[rows])).numpy())
    events.reader.close()
    return np.concatenate(parts)
