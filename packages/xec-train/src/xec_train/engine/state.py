"""Everything that changes while a network is trained, as one thing that can be saved and restored."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import nn
from torch.optim import Optimizer

from xec_models.checkpoint.checkpoint import load_parameters
from xec_train.config.sections import TrainingConfig
from xec_train.engine.averaging import Average
from xec_train.engine.evaluation import Means
from xec_train.engine.optimizers import build_optimizer
from xec_train.engine.precision import scaler_of
from xec_train.engine.schedules import Schedule
from xec_train.processes.collectives import gathered, rank, several
from xec_train.processes.sharding import Layout, Replicated, layout_of


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
    bad_steps, bad_in_a_row
        Steps that were skipped in the epoch that runs, and the last ones of all that were.
    sigma_factors
        What made predicted uncertainties right at the last validation, by task.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    best_value: float = math.inf
    means: Means = field(default_factory=Means)
    bad_steps: int = 0
    bad_in_a_row: int = 0
    sigma_factors: dict[str, list[float]] = field(default_factory=dict)

    def next_epoch(self) -> None:
        """An epoch is done."""
        self.epoch += 1
        self.restart_epoch()

    def restart_epoch(self) -> None:
        """The epoch begins with its first batch."""
        self.batch, self.means, self.bad_steps = 0, Means(), 0


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
    layout
        Where the weights of network and average are.
    settle
        Waits for the step that the device still works on, so that everything here belongs together.
    """

    network: nn.Module
    model: Any
    ema: Average | None
    optimizer: Any
    scheduler: Schedule
    layout: Layout = field(default_factory=Replicated)
    place: Place = field(default_factory=Place)
    settle: Callable[[], None] = lambda: None

    @property
    def evaluated(self) -> nn.Module:
        """What is validated and exported, the average if there is one; all processes ask together."""
        return self.layout.whole(self.network if self.ema is None else self.ema.module)


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
    layout = layout_of(fabric)
    layout.divide(network, forward_methods)
    scaled = scaler_of(fabric.strategy.precision) is not None
    optimizer: Optimizer = build_optimizer(network, config, fused=not scaled)
    scheduler = Schedule(optimizer, config, steps_per_epoch)
    model, wrapped = fabric.setup(network, optimizer)
    for name in forward_methods:
        model.mark_forward_method(name)
    average = layout.average(network, optimizer, config.ema_decay)
    return TrainState(network, model, average, wrapped, scheduler, layout)


def capture(state: TrainState, fabric: Fabric) -> dict[str, Any]:
    """The state as plain values and tensors, under the keys of a checkpoint.

    Several processes have to call it together, and get the same: under ``processes`` stands what each of
    them has for itself.
    """
    state.settle()
    place, whole = state.place, state.layout.gathered
    own = _own_part(place)
    return {
        "model": whole(state.network.state_dict()),
        "ema_model": None if state.ema is None else whole(state.ema.module.state_dict()),
        "ema_updates": 0 if state.ema is None else int(state.ema.n_averaged),
        "optimizer": whole(state.optimizer.state_dict()),
        "scheduler": state.scheduler.state_dict(),
        "scaler": fabric.strategy.precision.state_dict(),
        "rng": own["rng"],
        "epoch": place.epoch,
        "step": place.step,
        "best_value": place.best_value,
        "sigma_factors": place.sigma_factors,
        "bad_steps": [place.bad_steps, place.bad_in_a_row],
        "sampler": {"batch": place.batch, **own["means"]},
        **({"processes": gathered(own)} if several() else {}),
    }


def _own_part(place: Place) -> dict[str, Any]:
    """What differs from process to process: random numbers, and the losses of the events seen there."""
    # Not on the device: another process may not have the same one.
    sums = {name: value.cpu() if several() else value for name, value in place.means.sums.items()}
    return {
        "rng": {
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        },
        "means": {"sums": sums, "n_events": place.means.n_events},
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
    _fill(state.network, checkpoint["model"], state.layout, source)
    if state.ema is not None:
        averaged = checkpoint.get("ema_model")
        # Without an average in the checkpoint it starts from the weights.
        _fill(state.ema.module, averaged or checkpoint["model"], state.layout, source)
        state.ema.n_averaged.fill_(checkpoint.get("ema_updates", 0) if averaged else 0)
    optimizer = state.optimizer.optimizer
    optimizer.load_state_dict(state.layout.optimizer_parts(checkpoint["optimizer"], optimizer))
    state.scheduler.load_state_dict(checkpoint["scheduler"])
    if checkpoint["scaler"]:
        fabric.strategy.precision.load_state_dict(checkpoint["scaler"])
    sampler = checkpoint["sampler"]
    own = {"rng": checkpoint["rng"], "means": sampler}
    if len(parts := checkpoint.get("processes", [])) == fabric.world_size:
        own = parts[rank()]
    sums = {name: value.to(fabric.device) for name, value in own["means"]["sums"].items()}
    state.place = Place(
        checkpoint["epoch"],
        sampler["batch"],
        checkpoint["step"],
        checkpoint["best_value"],
        Means(sums, own["means"]["n_events"]),
        *checkpoint.get("bad_steps", (0, 0)),
    )
    state.place.sigma_factors = dict(checkpoint.get("sigma_factors") or {})
    torch.set_rng_state(own["rng"]["torch"])
    if own["rng"]["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(own["rng"]["cuda"])


def _fill(network: nn.Module, weights: dict[str, Any], layout: Layout, source: str) -> None:
    load_parameters(network, layout.parts(weights, network.state_dict()), source)
