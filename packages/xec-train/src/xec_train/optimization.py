"""The optimizer: which parameters decay and which do not."""

from __future__ import annotations

from torch import nn
from torch.optim import AdamW, Optimizer

from xec_train.config.sections import TrainingConfig

# One number per channel or per token shifts and scales features; pulling it to zero helps nothing.
_NO_DECAY_NAMES = ("bias", "norm", "grn", "position", "pos_embed")


def build_optimizer(network: nn.Module, config: TrainingConfig) -> Optimizer:
    """AdamW in two groups: weights of layers decay; biases, norms, GRN and positions do not.

    Parameters
    ----------
    network
        The network; parameters that need no gradient are left out.
    config
        ``lr`` and ``weight_decay``.

    Returns
    -------
    torch.optim.AdamW
        The optimizer.
    """
    decaying: list[nn.Parameter] = []
    free: list[nn.Parameter] = []
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            (decaying if decays(name, parameter) else free).append(parameter)
    groups = [
        {"params": decaying, "weight_decay": config.weight_decay},
        {"params": free, "weight_decay": 0.0},
    ]
    return AdamW([group for group in groups if group["params"]], lr=config.lr)


def decays(name: str, parameter: nn.Parameter) -> bool:
    """Whether a parameter is subject to weight decay."""
    return parameter.ndim > 1 and not any(word in name.lower() for word in _NO_DECAY_NAMES)
