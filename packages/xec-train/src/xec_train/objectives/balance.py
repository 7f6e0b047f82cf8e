"""The total loss of several tasks: with weights that are given, or learnt (``loss_balance: auto``)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


def total_loss(
    losses: Mapping[str, Tensor], weights: Mapping[str, float], log_variances: Mapping[str, Tensor]
) -> Tensor:
    """Add up the losses of the tasks.

    Parameters
    ----------
    losses
        Loss L of each task.
    weights
        Factor of each task.
    log_variances
        ln σ², (1,), of the tasks whose weight is learnt. Their term is L/(2σ²) + ln σ, smallest at σ² = L:
        a task counts by the relative change of its loss, whatever its scale (Kendall, Gal and Cipolla,
        CVPR 2018). Tasks that are not among them count as they are.

    Returns
    -------
    Tensor
        A number.
    """
    terms = []
    for task, loss in losses.items():
        if task in log_variances:
            log_variance = log_variances[task].squeeze()
            loss = 0.5 * (loss * torch.exp(-log_variance) + log_variance)
        terms.append(weights[task] * loss)
    return torch.stack(terms).sum()


def loss_weights(weights: Mapping[str, float], log_variances: Mapping[str, Tensor]) -> dict[str, float]:
    """What each task's loss is multiplied by: its weight, by 1/(2σ²) where that is learnt."""
    learnt = {task: 0.5 * float(torch.exp(-value.detach())) for task, value in log_variances.items()}
    return {task: weight * learnt.get(task, 1.0) for task, weight in weights.items()}
