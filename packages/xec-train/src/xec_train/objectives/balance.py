"""The learned weights of the parts of a loss."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from xec_models.losses.balance import loss_weights, total_loss


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
