"""The state of a training: everything that changes during training, with saving and restoring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from lightning_fabric import Fabric
from torch import nn
from torch.optim import Optimizer

from xec_models.checkpoint.building import load_parameters
from xec_models.checkpoint.content import (
    Checkpoint,
    NetworkWeights,
    ProcessState,
    RandomState,
    SamplerState,
    State,
    TrainingState,
)
from xec_train.config.sections import TrainingConfig
from xec_train.engine.hardware.precision import scaler_of
from xec_train.engine.means import Means
from xec_train.engine.modules import TrainedModules
from xec_train.engine.optimization.averaging import Average
from xec_train.engine.optimization.optimizers import build_optimizer
from xec_train.engine.optimization.schedules import Schedule
from xec_train.engine.progress import Progress
from xec_train.processes.group import Processes
from xec_train.processes.sharding import ParameterSharding, Replicated, build_sharding


@dataclass
class TrainState:
    """Network, learned weights of losses, average, optimizer, schedule and progress.

    Attributes
    ----------
    modules
        The network and the learned weights of losses.
    model
        The network as the loop calls it for training: with precision and, over several devices,
        synchronization of gradients.
    sharding
        Division of the weights among processes.
    """

    modules: TrainedModules
    model: Any
    ema: Average | None
    optimizer: Any
    scheduler: Schedule
    sharding: ParameterSharding = field(default_factory=Replicated)
    progress: Progress = field(default_factory=Progress)

    @property
    def network(self) -> nn.Module:
        """The network itself."""
        return self.modules.network

    @property
    def averaged(self) -> TrainedModules | None:
        """The averaged modules, if there is an average."""
        return None if self.ema is None else cast("TrainedModules", self.ema.module)

    @property
    def evaluated(self) -> TrainedModules:
        """The modules that are validated, the average if there is one. A collective call."""
        return self.sharding.full_modules(self.averaged or self.modules)


def build_state(
    fabric: Fabric,
    processes: Processes,
    modules: TrainedModules,
    config: TrainingConfig,
    steps_per_epoch: int,
    forward_methods: tuple[str, ...] = (),
) -> TrainState:
    """Move network and learned weights to the device, and build optimizer, schedule and average.

    Parameters
    ----------
    fabric, processes
        Device and precision; the processes.
    modules
        The network and the learned weights of losses.
    config
        Section ``training``.
    steps_per_epoch
        Steps of the optimizer in an epoch.
    forward_methods
        Methods besides `forward` that training calls.
    """
    modules.to(fabric.device)
    sharding = build_sharding(fabric, processes)
    sharding.shard(modules, forward_methods)
    scaled = scaler_of(fabric.strategy.precision) is not None
    optimizer: Optimizer = build_optimizer(modules, config, fused=not scaled)
    scheduler = Schedule(optimizer, config, steps_per_epoch)
    model, wrapped = fabric.setup(modules.network, optimizer)
    for name in forward_methods:
        model.mark_forward_method(name)
    average = sharding.build_average(modules, optimizer, config.ema_decay, warm_up=config.ema_warmup)
    return TrainState(modules, model, average, wrapped, scheduler, sharding)


def capture(
    state: TrainState, fabric: Fabric, processes: Processes, order: Mapping[str, int] | None = None
) -> tuple[NetworkWeights, TrainingState]:
    """Return the state as plain values and tensors, for a checkpoint.

    No step may be pending (`StepRecorder.complete_pending`). A collective call, with the
    same result everywhere; it includes the state of each process.

    Parameters
    ----------
    state
        State of the training.
    fabric, processes
        Device and precision; the processes.
    order
        Values that the order of the events depends on.
    """
    progress, whole = state.progress, state.sharding.full_state
    own = _own_part(progress, processes)
    averaged = state.averaged
    weights = NetworkWeights(
        model=whole(state.network.state_dict()),
        averaged=None if averaged is None else whole(averaged.network.state_dict()),
        sigma_factors=progress.sigma_factors,
        residual_factors=progress.residual_factors,
    )
    training = TrainingState(
        optimizer=whole(state.optimizer.state_dict()),
        scheduler=state.scheduler.state_dict(),
        scaler=fabric.strategy.precision.state_dict(),
        sampler=SamplerState(progress.batch, order or {}),
        own=own,
        step=progress.step,
        best_value=progress.best_value,
        bad_steps=progress.bad_steps,
        bad_steps_in_a_row=progress.bad_in_a_row,
        largest_gradient=progress.largest_gradient,
        timing=progress.timing,
        average_updates=0 if state.ema is None else int(state.ema.n_averaged),
        processes=processes.all_gather(own) if processes.is_distributed else (),
        objective=whole(state.modules.learned.state_dict()),
        averaged_objective=None if averaged is None else whole(averaged.learned.state_dict()),
    )
    return weights, training


def _own_part(progress: Progress, processes: Processes) -> ProcessState:
    """Return what differs from process to process: random numbers, and the losses of its events."""
    # Not on the device: another process may not have the same one.
    sums = {
        name: value.cpu() if processes.is_distributed else value
        for name, value in progress.means.sums.items()
    }
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return ProcessState(RandomState(torch.get_rng_state(), cuda), sums, progress.means.n_events)


def restore(
    state: TrainState, checkpoint: Checkpoint, fabric: Fabric, processes: Processes, source: str
) -> None:
    """Return to the state in which a checkpoint was written.

    Parameters
    ----------
    state
        A new state, to be filled.
    checkpoint
        Checkpoint with a state of `capture`, from `xec_models.read_checkpoint`.
    fabric, processes
        Device and precision; the processes.
    source
        Name of the file, for messages.

    Raises
    ------
    CheckpointError
        If the network is another one, or the training cannot continue.
    """
    weights, training = checkpoint.weights, checkpoint.continuation(source)
    _fill(state.network, weights.model, state.sharding, source)
    _fill(state.modules.learned, training.objective, state.sharding, source)
    averaged = state.averaged
    if state.ema is not None and averaged is not None:
        # Without an average in the checkpoint it starts from the weights.
        _fill(averaged.network, weights.validated, state.sharding, source)
        _fill(averaged.learned, training.validated_objective, state.sharding, source)
        state.ema.n_averaged.fill_(training.average_updates if weights.averaged else 0)
    optimizer = state.optimizer.optimizer
    optimizer.load_state_dict(state.sharding.local_optimizer_state(dict(training.optimizer), optimizer))
    state.scheduler.load_state_dict(training.scheduler)
    if training.scaler:
        fabric.strategy.precision.load_state_dict(dict(training.scaler))
    own = training.of_process(processes.rank, processes.world_size)
    sums = {name: value.to(fabric.device) for name, value in own.loss_sums.items()}
    state.progress = Progress(
        checkpoint.epoch or 0,
        training.sampler.batch,
        training.step,
        training.best_value,
        Means(sums, own.n_events),
        training.bad_steps,
        training.bad_steps_in_a_row,
        {task: list(factors) for task, factors in weights.sigma_factors.items()},
        {task: list(factors) for task, factors in weights.residual_factors.items()},
        dict(training.timing),
        training.largest_gradient,
    )
    torch.set_rng_state(own.random.torch)
    if own.random.cuda and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(own.random.cuda)


def _fill(module: nn.Module, weights: State, sharding: ParameterSharding, source: str) -> None:
    load_parameters(module, sharding.local_state(weights, module.state_dict()), source)
