"""The optimizers as a table, and which parameters decay and which do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn
from torch.optim import AdamW, Optimizer

from xec_train.config.sections import TrainingConfig
from xec_train.errors import TrainError

Groups = list[dict[str, Any]]

# One number per channel or per token shifts and scales features; pulling it to zero helps nothing.
_NO_DECAY_NAMES = ("bias", "norm", "grn", "position", "pos_embed")


def adamw(groups: Groups, config: TrainingConfig, fused: bool) -> Optimizer:
    """AdamW; fused, it leaves a step out by itself where its attribute ``found_inf`` says so."""
    return AdamW(groups, lr=config.lr, fused=fused)


def schedulefree(groups: Groups, config: TrainingConfig, _fused: bool) -> Optimizer:
    """AdamW that averages instead of lowering its learning rate (Defazio et al., arXiv:2405.15682)."""
    try:
        from schedulefree import AdamWScheduleFree  # type: ignore[import-untyped]
    except ImportError as error:
        raise TrainError(
            "training.optimizer: schedulefree needs a package that is not installed: "
            "pip install 'xec-train[schedulefree]'"
        ) from error
    optimizer: Optimizer = AdamWScheduleFree(groups, lr=config.lr)
    optimizer.train()  # type: ignore[attr-defined]
    return optimizer


OPTIMIZERS: dict[str, Callable[[Groups, TrainingConfig, bool], Optimizer]] = {
    "adamw": adamw,
    "schedulefree": schedulefree,
}
"""Optimizers by the name that ``training.optimizer`` gives them."""


def build_optimizer(network: nn.Module, config: TrainingConfig, *, fused: bool = True) -> Optimizer:
    """Make the optimizer, with two groups: weights of layers decay; biases, norms, GRN, positions do not.

    Parameters
    ----------
    network
        The network; parameters that need no gradient are left out.
    config
        ``optimizer``, ``lr`` and ``weight_decay``.
    fused
        One kernel for the whole step, where the optimizer has one. Not together with a gradient scaler,
        which could not clip then.

    Returns
    -------
    Optimizer
        The optimizer.

    Raises
    ------
    TrainError
        If its package is not installed.
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
    return OPTIMIZERS[config.optimizer]([group for group in groups if group["params"]], config, fused)


def decays(name: str, parameter: nn.Parameter) -> bool:
    """Whether a parameter is subject to weight decay."""
    return parameter.ndim > 1 and not any(word in name.lower() for word in _NO_DECAY_NAMES)
