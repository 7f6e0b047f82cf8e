"""The total loss of several parts, with given or learned weights."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


def total_loss(
    losses: Mapping[str, Tensor], weights: Mapping[str, float], log_variances: Mapping[str, Tensor]
) -> Tensor:
    """Add up the losses of tasks, or of other parts.

    Parameters
    ----------
    losses
        Loss L of each task, or of each event, (n,), in each task.
    weights
        Factor of each task.
    log_variances
        ln σ², (1,), of the tasks whose weight is learned. Their term is L/(2σ²) + ln σ, smallest at σ² = L:
        a task counts by the relative change of its loss, whatever its scale (Kendall, Gal and Cipolla,
        CVPR 2018). The losses of other tasks are added unchanged.

    Returns
    -------
    Tensor
        Of the shape of the losses.
    """
    terms = []
    for task, loss in losses.items():
        if task in log_variances:
            log_variance = log_variances[task].squeeze()
            loss = 0.5 * (loss * torch.exp(-log_variance) + log_variance)
        terms.append(weights[task] * loss)
    return torch.stack(terms).sum(dim=0)


def loss_weights(weights: Mapping[str, float], log_variances: Mapping[str, Tensor]) -> dict[str, float]:
    """Return the factor of each task's loss: its weight, times 1/(2σ²) where that is learned."""
    learned = {task: 0.5 * float(torch.exp(-value.detach())) for task, value in log_variances.items()}
    return {task: weight * learned.get(task, 1.0) for task, weight in weights.items()}
