"""Centre and width of the light of events as arrays, in double precision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from xec_analysis.estimators.baselines import RECIPES
from xec_models.anchor.readings import read
from xec_models.anchor.reconstruction import blocks

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LightPattern:
    """Centre and width of the light of n events; NaN for events without light on the inner face.

    Attributes
    ----------
    u, v
        Centre on the inner face, (n,) in cm.
    shape
        Logarithms of widths, (n, k).
    """

    u: Floats
    v: Floats
    shape: Floats


def windowed_pattern(npho: NDArray[np.floating]) -> LightPattern:
    """Measure the light around its peak; see `xec_models.anchor.light_pattern.WindowedPattern`.

    Parameters
    ----------
    npho
        (n, N_SENSORS) raw photon counts.
    """
    measure = RECIPES["refined"].build().pattern
    rows = []
    with torch.inference_mode():
        counts = torch.as_tensor(np.asarray(npho))
        for block in blocks(counts, torch.zeros_like(counts)):
            pattern = measure(read(*block, torch.float64))
            row = torch.cat([torch.stack([pattern.u, pattern.v], dim=1), pattern.shape], dim=1)
            rows.append(torch.where(pattern.lit.unsqueeze(1), row, torch.nan))
    table = torch.cat(rows).numpy()
    return LightPattern(table[:, 0], table[:, 1], table[:, 2:])
