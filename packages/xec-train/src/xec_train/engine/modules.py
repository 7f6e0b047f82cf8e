"""The modules that are trained: the network, and the learned weights of its losses."""

from __future__ import annotations

from torch import nn

from xec_train.objectives.balance import LearnedWeights


class TrainedModules(nn.Module):
    """Network and learned weights of losses, with one optimizer and one average.

    Attributes
    ----------
    network
        The network.
    learned
        Learned weights of losses.
    """

    def __init__(self, network: nn.Module, learned: LearnedWeights | None = None) -> None:
        super().__init__()
        # In this order: optimizers number their parameters.
        self.network, self.learned = network, learned or LearnedWeights()
