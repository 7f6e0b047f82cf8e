"""Augmentation of the readings in training."""

from __future__ import annotations

import torch

from xec_data.schema.branches import INVALID, SENSOR_BRANCHES
from xec_train.data.batch import Batch


def drop_channels(batch: Batch, rate: float) -> Batch:
    """Make random sensors of each event invalid, as dead ones are.

    Parameters
    ----------
    batch
        Readings of shape (n, sensors). They are changed in place: a batch is used once.
    rate
        Probability for each sensor of each event.

    Returns
    -------
    dict
        The same batch.
    """
    if rate > 0:
        first = batch[SENSOR_BRANCHES[0]]
        dropped = torch.rand(first.shape, device=first.device) < rate
        for name in SENSOR_BRANCHES:
            batch[name].masked_fill_(dropped, INVALID)
    return batch
