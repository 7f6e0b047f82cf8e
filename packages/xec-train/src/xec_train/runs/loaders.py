"""The loaders of a training, and the position in their order from which it continues."""

from __future__ import annotations

import os

from lightning_fabric import Fabric

from xec_data.tasks.table import TASKS
from xec_models.checkpoint.content import Checkpoint
from xec_train.config.train_config import TrainConfig
from xec_train.data.loader import EventLoader, build_loader
from xec_train.data.plan import ceil_div
from xec_train.engine.display import Display
from xec_train.engine.hardware.device import reseed
from xec_train.engine.state import TrainState
from xec_train.errors import TrainError
from xec_train.processes.group import Processes
from xec_train.processes.launch import detect_launch
from xec_train.runs.preparation import Preparation


def build_loaders(
    config: TrainConfig, ready: Preparation, fabric: Fabric, processes: Processes, display: Display
) -> tuple[EventLoader, EventLoader]:
    """Build the loaders of this process's share of training and validation.

    Raises
    ------
    TrainError
        If there are fewer events than processes.
    """
    loaders = []
    for name, events, seed in (
        ("training", ready.training, config.training.seed),
        ("validation", ready.validation, None),
    ):
        if events.n_events < processes.world_size:
            raise TrainError(
                f"{name}: {events.n_events} events for {processes.world_size} processes; "
                "expected at least one for each"
            )
        loader, notes = build_loader(
            events.reader,
            events.sources,
            config.data,
            seed=seed,
            rank=processes.rank,
            world=processes.world_size,
            pin=fabric.device.type == "cuda",
            tasks=[TASKS[name] for name in config.enabled_tasks],
            on_machine=detect_launch(os.environ).per_node,
            on_cores=processes.n_sharing_cores,
        )
        # Memory differs between machines, and from moment to moment.
        loader.group_events = min(processes.all_gather(loader.group_events))
        for note in notes:
            display.note(note)
        loaders.append(loader)
    return loaders[0], loaders[1]


def order_of(loader: EventLoader) -> dict[str, int]:
    """Return the values that the order of the events depends on; stored with the position in the epoch."""
    return {
        "n_batches": len(loader),
        "batch_size": loader.batch_size,
        "group_events": loader.group_events,
        "seed": loader.seed or 0,
        "world": loader.world,
    }


def resume_epoch(
    config: TrainConfig, state: TrainState, loader: EventLoader, checkpoint: Checkpoint, display: Display
) -> None:
    """Continue the interrupted epoch in its order, independent of the memory of this machine.

    Parameters
    ----------
    config
        Section ``training``: the seed.
    state
        As restored from the checkpoint. If the order is another one, its epoch restarts from its first batch;
        with another number of processes, so do the random numbers.
    loader
        Loader of the training; it gets the group size of the checkpoint.
    checkpoint
        The restored checkpoint.
    display
        Display of notes.
    """
    # Checkpoints of the first versions do not state the number of processes.
    order = {"world": 1, **checkpoint.continuation().sampler.order}
    world = order["world"]
    if world != loader.world:
        processes = f"{world} process{'es' if world > 1 else ''}"
        display.note(f"the checkpoint was written by {processes}, now there are {loader.world}")
        reseed(config.training.seed, loader.rank, state.progress.step)
    if state.scheduler.hurried and config.training.max_minutes is None:
        done = ceil_div(state.progress.batch, config.training.grad_accum_steps)
        state.scheduler.go_to(state.progress.epoch, done)
        display.note("the time limit of the checkpoint is gone: the learning rate is that of all its epochs")
    if not state.progress.batch:
        return
    loader.group_events = order["group_events"]
    if any(order[name] != value for name, value in order_of(loader).items()):
        display.note(
            "files, seed, batch size or number of processes differ from those of the checkpoint: "
            f"epoch {state.progress.epoch + 1} restarts from its first batch"
        )
        state.progress.restart_epoch()
        # Paced, the schedule is where the time is, not where the epochs are.
        if config.training.max_minutes is None:
            state.scheduler.begin_epoch(state.progress.epoch)
