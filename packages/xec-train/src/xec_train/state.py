"""Everything that changes while a network is trained, as one thing that can be saved and restored."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.swa_utils import AveragedModel

from xec_models.checkpoint import load_parameters
from xec_train.config.sections import TrainingConfig
from xec_train.ema import build_ema
from xec_train.evaluation import Means
from xec_train.optimization import build_optimizer
from xec_train.schedules import build_scheduler

_OF_SCHEDULER = ("last_epoch", "_step_count", "_last_lr")


@dataclass
class Place:
    """Where a training stands.

    Attributes
    ----------
    epoch
        Epochs that are done.
    batch
        Batches of the next epoch that are done.
    step
        Steps of the optimizer.
    best_value
        Smallest validation loss.
    means
        Losses of the epoch that runs.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    best_value: float = math.inf
    means: Means = field(default_factory=Means)

    def next_epoch(self) -> None:
        """An epoch is done."""
        self.epoch += 1
        self.restart_epoch()

    def restart_epoch(self) -> None:
        """The epoch begins with its first batch."""
        self.batch, self.means = 0, Means()


@dataclass
class TrainState:
    """Network, average, optimizer, schedule, and the place.

    Attributes
    ----------
    network
        The network itself.
    model
        The same network as the loop calls it for training: with precision and, over several devices,
        synchronization of gradients.
    """

    network: nn.Module
    model: Any
    ema: AveragedModel | None
    optimizer: Any
    scheduler: LRScheduler
    place: Place = field(default_factory=Place)

    @property
    def evaluated(self) -> nn.Module:
        """The network that is validated and exported: the average if there is one."""
        return self.network if self.ema is None else self.ema.module


def build_state(
    fabric: Fabric,
    network: nn.Module,
    config: TrainingConfig,
    steps_per_epoch: int,
    forward_methods: tuple[str, ...] = (),
) -> TrainState:
    """Put a network on the device, with all that its training needs.

    Parameters
    ----------
    fabric
        Device and precision.
    network
        The network.
    config
        Section ``training``.
    steps_per_epoch
        Steps of the optimizer in an epoch.
    forward_methods
        Methods besides `forward` that training calls.
    """
    optimizer: Optimizer = build_optimizer(network, config)
    scheduler = build_scheduler(optimizer, config, steps_per_epoch)
    model, wrapped = fabric.setup(network, optimizer)
    for name in forward_methods:
        model.mark_forward_method(name)
    return TrainState(network, model, build_ema(network, config.ema_decay), wrapped, scheduler)


def capture(state: TrainState, fabric: Fabric) -> dict[str, Any]:
    """The state as plain values and tensors, under the keys of a checkpoint."""
    place = state.place
    return {
        "model": state.network.state_dict(),
        "ema_model": None if state.ema is None else state.ema.module.state_dict(),
        "ema_updates": 0 if state.ema is None else int(state.ema.n_averaged),
        "optimizer": state.optimizer.state_dict(),
        "scheduler": {name: state.scheduler.state_dict()[name] for name in _OF_SCHEDULER},
        "scaler": fabric.strategy.precision.state_dict(),
        "rng": {
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        },
        "epoch": place.epoch,
        "step": place.step,
        "best_value": place.best_value,
        "sampler": {"batch": place.batch, "sums": place.means.sums, "n_events": place.means.n_events},
    }


def restore(state: TrainState, checkpoint: dict[str, Any], fabric: Fabric, source: str) -> None:
    """Continue where a checkpoint was written.

    Parameters
    ----------
    state
        A new state, which is filled.
    checkpoint
        What `capture` gave, from `xec_models.read_checkpoint`.
    fabric
        Device and precision.
    source
        Name of the file, for messages.

    Raises
    ------
    CheckpointError
        If the network is another one.
    """
    load_parameters(state.network, checkpoint["model"], source)
    if state.ema is not None:
        averaged = checkpoint.get("ema_model")
        # Without an average in the checkpoint it starts from the weights.
        load_parameters(state.ema.module, averaged or checkpoint["model"], source)
        state.ema.n_averaged.fill_(checkpoint.get("ema_updates", 0) if averaged else 0)
    state.optimizer.load_state_dict(checkpoint["optimizer"])
    # Only the place: the rates themselves follow from the configuration, which may have more epochs now.
    state.scheduler.load_state_dict({**state.scheduler.state_dict(), **checkpoint["scheduler"]})
    if checkpoint["scaler"]:
        fabric.strategy.precision.load_state_dict(checkpoint["scaler"])
    sampler = checkpoint["sampler"]
    sums = {name: value.to(fabric.device) for name, value in sampler["sums"].items()}
    state.place = Place(
        checkpoint["epoch"],
        sampler["batch"],
        checkpoint["step"],
        checkpoint["best_value"],
        Means(sums, sampler["n_events"]),
    )
    torch.set_rng_state(checkpoint["rng"]["torch"])
    if checkpoint["rng"]["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(checkpoint["rng"]["cuda"])
