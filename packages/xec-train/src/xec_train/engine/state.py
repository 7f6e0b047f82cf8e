"""The state of a training: everything that changes while a network is trained, to be saved and restored."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import nn
from torch.optim import Optimizer

from xec_models.checkpoint.checkpoint import load_parameters
from xec_train.config.sections import TrainingConfig
from xec_train.engine.averaging import Average
from xec_train.engine.means import Means
from xec_train.engine.optimizers import build_optimizer
from xec_train.engine.precision import scaler_of
from xec_train.engine.progress import Progress
from xec_train.engine.schedules import Schedule
from xec_train.processes.group import Processes
from xec_train.processes.sharding import ParameterSharding, Replicated, build_sharding


@dataclass
class TrainState:
    """Network, average, optimizer, schedule and progress.

    Attributes
    ----------
    network
        The network itself.
    model
        The same network as the loop calls it for training: with precision and, over several devices,
        synchronization of gradients.
    sharding
        How the weights of network and average are divided among processes.
    """

    network: nn.Module
    model: Any
    ema: Average | None
    optimizer: Any
    scheduler: Schedule
    sharding: ParameterSharding = field(default_factory=Replicated)
    progress: Progress = field(default_factory=Progress)

    @property
    def evaluated(self) -> nn.Module:
        """The network that is validated and exported, the average if there is one; processes ask together."""
        return self.sharding.full_network(self.network if self.ema is None else self.ema.module)


def build_state(
    fabric: Fabric,
    processes: Processes,
    network: nn.Module,
    config: TrainingConfig,
    steps_per_epoch: int,
    forward_methods: tuple[str, ...] = (),
) -> TrainState:
    """Put a network on the device, with all that its training needs.

    Parameters
    ----------
    fabric, processes
        Device and precision; the processes.
    network
        The network.
    config
        Section ``training``.
    steps_per_epoch
        Steps of the optimizer in an epoch.
    forward_methods
        Methods besides `forward` that training calls.
    """
    sharding = build_sharding(fabric, processes)
    sharding.shard(network, forward_methods)
    scaled = scaler_of(fabric.strategy.precision) is not None
    optimizer: Optimizer = build_optimizer(network, config, fused=not scaled)
    scheduler = Schedule(optimizer, config, steps_per_epoch)
    model, wrapped = fabric.setup(network, optimizer)
    for name in forward_methods:
        model.mark_forward_method(name)
    average = sharding.build_average(network, optimizer, config.ema_decay)
    return TrainState(network, model, average, wrapped, scheduler, sharding)


def capture(state: TrainState, fabric: Fabric, processes: Processes) -> dict[str, Any]:
    """Return the state as plain values and tensors, under the keys of a checkpoint.

    No step may be pending (`StepRecorder.complete_pending`). All processes have to call together, and get
    the same: ``processes`` holds what each of them has for itself.
    """
    progress, whole = state.progress, state.sharding.full_state
    own = _own_part(progress, processes)
    return {
        "model": whole(state.network.state_dict()),
        "ema_model": None if state.ema is None else whole(state.ema.module.state_dict()),
        "ema_updates": 0 if state.ema is None else int(state.ema.n_averaged),
        "optimizer": whole(state.optimizer.state_dict()),
        "scheduler": state.scheduler.state_dict(),
        "scaler": fabric.strategy.precision.state_dict(),
        "rng": own["rng"],
        "epoch": progress.epoch,
        "step": progress.step,
        "best_value": progress.best_value,
        "sigma_factors": progress.sigma_factors,
        "bad_steps": [progress.bad_steps, progress.bad_in_a_row],
        "sampler": {"batch": progress.batch, **own["means"]},
        **({"processes": processes.all_gather(own)} if processes.is_distributed else {}),
    }


def _own_part(progress: Progress, processes: Processes) -> dict[str, Any]:
    """Return what differs from process to process: random numbers, and the losses of its events."""
    # Not on the device: another process may not have the same one.
    sums = {
        name: value.cpu() if processes.is_distributed else value
        for name, value in progress.means.sums.items()
    }
    return {
        "rng": {
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        },
        "means": {"sums": sums, "n_events": progress.means.n_events},
    }


def restore(
    state: TrainState, checkpoint: dict[str, Any], fabric: Fabric, processes: Processes, source: str
) -> None:
    """Return to the state in which a checkpoint was written.

    Parameters
    ----------
    state
        A new state, which is filled.
    checkpoint
        What `capture` gave, from `xec_models.read_checkpoint`.
    fabric, processes
        Device and precision; the processes.
    source
        Name of the file, for messages.

    Raises
    ------
    CheckpointError
        If the network is another one.
    """
    _fill(state.network, checkpoint["model"], state.sharding, source)
    if state.ema is not None:
        averaged = checkpoint.get("ema_model")
        # Without an average in the checkpoint it starts from the weights.
        _fill(state.ema.module, averaged or checkpoint["model"], state.sharding, source)
        state.ema.n_averaged.fill_(checkpoint.get("ema_updates", 0) if averaged else 0)
    optimizer = state.optimizer.optimizer
    optimizer.load_state_dict(state.sharding.local_optimizer_state(checkpoint["optimizer"], optimizer))
    state.scheduler.load_state_dict(checkpoint["scheduler"])
    if checkpoint["scaler"]:
        fabric.strategy.precision.load_state_dict(checkpoint["scaler"])
    sampler = checkpoint["sampler"]
    own = {"rng": checkpoint["rng"], "means": sampler}
    if len(parts := checkpoint.get("processes", [])) == processes.world_size:
        own = parts[processes.rank]
    sums = {name: value.to(fabric.device) for name, value in own["means"]["sums"].items()}
    state.progress = Progress(
        checkpoint["epoch"],
        sampler["batch"],
        checkpoint["step"],
        checkpoint["best_value"],
        Means(sums, own["means"]["n_events"]),
        *checkpoint.get("bad_steps", (0, 0)),
    )
    state.progress.sigma_factors = dict(checkpoint.get("sigma_factors") or {})
    torch.set_rng_state(own["rng"]["torch"])
    if own["rng"]["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(own["rng"]["cuda"])


def _fill(network: nn.Module, weights: dict[str, Any], sharding: ParameterSharding, source: str) -> None:
    load_parameters(network, sharding.local_state(weights, network.state_dict()), source)
