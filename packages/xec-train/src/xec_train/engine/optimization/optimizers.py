"""The table of optimizers, and the groups of parameters with and without weight decay."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xec_geometry.support.registry import Registry
from xec_train.errors import TrainError

# The configuration reads this table: torch is imported by the functions, when they are called.
if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

    from xec_train.config.sections import TrainingConfig

Groups = list[dict[str, Any]]

DEFAULT_LR = 3e-4

# One number per channel or per token shifts and scales features; decay to zero has no use.
_NO_DECAY_NAMES = ("bias", "norm", "grn", "position", "pos_embed")


@dataclass(frozen=True)
class OptimizerChoice:
    """An optimizer.

    Attributes
    ----------
    name
        Value of ``training.optimizer``.
    build
        Builds the optimizer from groups of parameters, section ``training``, and whether one fused kernel
        does the whole step.
    summary
        One line for people.
    schedules
        Schedules that it can be combined with; empty: any.
    default_lr
        ``training.lr`` unless the configuration states it.
    lr_range
        The smallest and the largest rate that make sense.
    divisible
        Whether its state can be divided among processes.
    """

    name: str
    build: Callable[[Groups, TrainingConfig, bool], Optimizer]
    summary: str = ""
    schedules: tuple[str, ...] = ()
    default_lr: float = DEFAULT_LR
    lr_range: tuple[float, float] = (0.0, math.inf)
    divisible: bool = True


def adamw(groups: Groups, config: TrainingConfig, fused: bool) -> Optimizer:
    """Build AdamW; fused, it skips a step where its attribute ``found_inf`` is set."""
    from torch.optim import AdamW

    return AdamW(groups, lr=config.lr, fused=fused)


def schedulefree(groups: Groups, config: TrainingConfig, _fused: bool) -> Optimizer:
    """Build AdamW that averages instead of lowering its learning rate (Defazio et al., arXiv:2405.15682)."""
    try:
        from schedulefree import AdamWScheduleFree  # type: ignore[import-untyped]
    except ImportError as error:
        raise _missing("schedulefree") from error
    optimizer: Optimizer = AdamWScheduleFree(groups, lr=config.lr)
    optimizer.train()  # type: ignore[attr-defined]
    return optimizer


def prodigy(groups: Groups, config: TrainingConfig, _fused: bool) -> Optimizer:
    """Build AdamW that estimates its learning rate (Mishchenko and Defazio, arXiv:2306.06101)."""
    try:
        from prodigyopt import Prodigy  # type: ignore[import-untyped]
    except ImportError as error:
        raise _missing("prodigy") from error
    # Steps of a warm-up would otherwise inflate the estimate.
    optimizer: Optimizer = Prodigy(groups, lr=config.lr, safeguard_warmup=True)
    return optimizer


def muon(groups: Groups, config: TrainingConfig, _fused: bool) -> Optimizer:
    """Build Muon for the matrices of linear layers, with AdamW for the rest."""
    from xec_train.engine.optimization.muon import Muon

    return Muon(groups, config.lr)


def _missing(extra: str) -> TrainError:
    return TrainError(
        f"training.optimizer: {extra} needs a package that is not installed: pip install 'xec-train[{extra}]'"
    )


OPTIMIZERS: Registry[OptimizerChoice] = Registry(
    "optimizer",
    (
        OptimizerChoice("adamw", adamw),
        OptimizerChoice(
            "schedulefree",
            schedulefree,
            "AdamW that averages the weights itself: ema_decay has no effect, and scheduler must be none",
            schedules=("none",),
            divisible=False,
        ),
        OptimizerChoice(
            "prodigy",
            prodigy,
            "AdamW that finds the learning rate itself; lr, a factor on it, is 1 then",
            default_lr=1.0,
            lr_range=(0.1, 10.0),
            divisible=False,
        ),
        OptimizerChoice(
            "muon",
            muon,
            "orthogonal steps for the matrices of linear layers, AdamW for the rest",
            divisible=False,
        ),
    ),
    group="xec.optimizers",
    error=TrainError,
)
"""Every optimizer by its name. Installed packages add theirs in the entry-point group ``xec.optimizers``."""


def build_optimizer(network: nn.Module, config: TrainingConfig, *, fused: bool = True) -> Optimizer:
    """Build the optimizer, with two groups: weights of layers decay; biases, norms, GRN, positions do not.

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
    return OPTIMIZERS[config.optimizer].build([group for group in groups if group["params"]], config, fused)


def decays(name: str, parameter: nn.Parameter) -> bool:
    """Return whether a parameter is subject to weight decay."""
    return parameter.ndim > 1 and not any(word in name.lower() for word in _NO_DECAY_NAMES)
