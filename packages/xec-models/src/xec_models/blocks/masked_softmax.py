"""Softmax over a part of the entries."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def masked_softmax(score: Tensor, excluded: Tensor) -> Tensor:
    """Compute the softmax over the last axis of entries that are not excluded; zeros where all are."""
    weight = F.softmax(score.masked_fill(excluded, -1e4), dim=-1)
    return weight.masked_fill(excluded, 0)
