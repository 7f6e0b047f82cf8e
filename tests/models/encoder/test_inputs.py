"""Raw readings in whatever form users have them."""

from __future__ import annotations

import numpy as np
import torch

from xec_models.encoder.inputs import split_readings


def test_arrays_of_any_byte_order_and_direction() -> None:
    npho = np.arange(2 * 4760, dtype=np.float32).reshape(2, 4760)
    expected, _ = split_readings(npho, npho, torch.device("cpu"))
    for other in (npho.astype(">f4"), npho[::-1].copy()[::-1], np.asfortranarray(npho), npho.tolist()):
        counts, times = split_readings(other, other, torch.device("cpu"))
        assert torch.equal(counts, expected)
        assert torch.equal(times, expected)
