"""Assembly of a training: network, state, events, checked against each other before anything is written."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from lightning_fabric import Fabric
from torch import nn

from xec_models.checkpoint.run_directory import RunDirectory
from xec_train.config.train_config import TrainConfig
from xec_train.data.loader import EventLoader
from xec_train.data.plan import ceil_div
from xec_train.engine.display import Display
from xec_train.engine.hardware.compilation import compile_methods, compile_mode
from xec_train.engine.hardware.device import build_fabric, reseed
from xec_train.engine.hardware.operators import prepare_operators
from xec_train.engine.modules import TrainedModules
from xec_train.engine.state import TrainState, build_state, restore
from xec_train.processes.group import Processes, current_processes
from xec_train.runs.loaders import build_loaders, resume_epoch
from xec_train.runs.preparation import Preparation, prepare


class Assembly(NamedTuple):
    """The parts of a training that is ready to start or to continue."""

    config: TrainConfig
    ready: Preparation
    fabric: Fabric
    processes: Processes
    state: TrainState
    training: EventLoader
    validation: EventLoader

    def of_run(self, run: RunDirectory) -> Assembly:
        """Return the same training with a run directory of another name."""
        config = _with_run_name(self.config, run.name)
        return self._replace(config=config, ready=replace(self.ready, run=run))


def assemble(config: TrainConfig, display: Display) -> Assembly:
    """Build all parts of a training; nothing is written.

    Raises
    ------
    XecError
        If files, configuration or checkpoint do not fit.
    """
    fabric = build_fabric(config.training, config.distributed)
    processes = current_processes(config.distributed.timeout_minutes)
    with processes.lost_connection_reported():
        ready = prepare(config, processes, display)
        config = _with_run_name(config, ready.run.name)
        return processes.run_on_all(lambda: _assemble(config, ready, fabric, processes, display))


def _assemble(
    config: TrainConfig, ready: Preparation, fabric: Fabric, processes: Processes, display: Display
) -> Assembly:
    prepare_operators(config.training.compile, fabric.device, display.note)
    network = ready.objective.build_network()
    if ready.checkpoint is None:
        ready.objective.prepare(network, ready.training)
    if ready.weights is not None:
        # Before the average is made, which starts as a copy.
        for line in ready.weights.load(network, ready.objective.learned):
            display.line(line)
    training, validation = build_loaders(config, ready, fabric, processes, display)
    steps_per_epoch = ceil_div(len(training), config.training.grad_accum_steps)
    modules = TrainedModules(network, ready.objective.learned)
    state = build_state(
        fabric, processes, modules, config.training, steps_per_epoch, ready.objective.forward_methods
    )
    if processes.is_distributed:
        # The initial weights are the same in every process; later random numbers differ.
        reseed(config.training.seed, processes.rank, 0)
    if ready.checkpoint is not None:
        restore(state, ready.checkpoint, fabric, processes, str(ready.checkpoint_path))
        resume_epoch(config, state, training, ready.checkpoint, display)
        if config.checkpoint.refresh_lr:
            state.scheduler.restart(state.progress.epoch)
    mode = compile_mode(config.training.compile, fabric.device)
    if mode is not None and not state.sharding.compiles:
        display.note("torch.compile is left out: not with distributed.strategy=fsdp")
        mode = None
    compile_methods(network, ready.objective.forward_methods or ("forward",), mode, display.warn)
    _describe(config, network, fabric, processes, state, display)
    return Assembly(config, ready, fabric, processes, state, training, validation)


def _with_run_name(config: TrainConfig, name: str) -> TrainConfig:
    return config.model_copy(update={"mlflow": config.mlflow.model_copy(update={"run_name": name})})


def _describe(
    config: TrainConfig,
    network: nn.Module,
    fabric: Fabric,
    processes: Processes,
    state: TrainState,
    display: Display,
) -> None:
    size = sum(parameter.numel() for parameter in network.parameters()) / 1e6
    tasks = f", tasks {', '.join(config.enabled_tasks)}" if config.enabled_tasks else ""
    display.line(f"network: {size:.3g} million parameters{tasks}")
    several = f", {processes.world_size} processes" if processes.is_distributed else ""
    display.line(f"device: {fabric.device}, precision {fabric.strategy.precision.precision}{several}")
    if config.distributed.strategy == "fsdp" and not processes.is_distributed:
        display.note("distributed.strategy: fsdp divides a network among processes; there is only one")
    if not config.model.sees_rectangular_faces:
        display.warn(
            f"model.encoder_dim is {config.model.encoder_dim}: one channel on the rectangular faces, of "
            "which its norm leaves nothing: the network sees the hexagonal ones alone; expected 64 or more"
        )
    training = config.training
    if training.warmup_epochs >= training.epochs:
        display.note(
            f"training.warmup_epochs ({training.warmup_epochs:g}) is not below training.epochs "
            f"({training.epochs}): the learning rate only rises"
        )
    if state.progress.epoch >= training.epochs:
        display.note(
            f"all {training.epochs} epochs are done, only the results are written again; "
            "a larger training.epochs continues"
        )
