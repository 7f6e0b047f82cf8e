"""The total loss of several parts, with given or learned weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn


def total_loss(
    losses: Mapping[str, Tensor], weights: Mapping[str, float], log_variances: Mapping[str, Tensor]
) -> Tensor:
    """Add up the losses of tasks, or of other parts.

    Parameters
    ----------
    losses
        Loss L of each task.
    weights
        Factor of each task.
    log_variances
        ln σ², (1,), of the tasks whose weight is learned. Their term is L/(2σ²) + ln σ, smallest at σ² = L:
        a task counts by the relative change of its loss, whatever its scale (Kendall, Gal and Cipolla,
        CVPR 2018). The losses of other tasks are added unchanged.

    Returns
    -------
    Tensor
        Scalar.
    """
    terms = []
    for task, loss in losses.items():
        if task in log_variances:
            log_variance = log_variances[task].squeeze()
            loss = 0.5 * (loss * torch.exp(-log_variance) + log_variance)
        terms.append(weights[task] * loss)
    return torch.stack(terms).sum()


def loss_weights(weights: Mapping[str, float], log_variances: Mapping[str, Tensor]) -> dict[str, float]:
    """Return the factor of each task's loss: its weight, times 1/(2σ²) where that is learned."""
    learned = {task: 0.5 * float(torch.exp(-value.detach())) for task, value in log_variances.items()}
    return {task: weight * learned.get(task, 1.0) for task, weight in weights.items()}


class LearnedWeights(nn.Module):
    """Learned weights of the parts of a loss.

    Parameters
    ----------
    names
        The parts whose weight is learned; without any, there are no parameters.

    Attributes
    ----------
    log_variances : ParameterDict
        ln σ², (1,), of each of them; see `total_loss`.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        super().__init__()
        self.log_variances = nn.ParameterDict({name: nn.Parameter(torch.zeros(1)) for name in names})

    def forward(self, losses: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
        """Add up losses, as `total_loss`."""
        return total_loss(losses, weights, dict(self.log_variances.items()))

    def factors(self, weights: Mapping[str, float]) -> dict[str, float]:
        """Return `loss_weights` of all parts if any is learned."""
        learned = dict(self.log_variances.items())
        return loss_weights(weights, learned) if learned else {}
