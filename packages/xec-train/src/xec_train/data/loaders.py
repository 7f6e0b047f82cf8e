"""The loaders of a training, and the place in their order at which it goes on."""

from __future__ import annotations

import os
from typing import Any

from lightning_fabric import Fabric

from xec_data.tasks.table import TASKS
from xec_train.config.train_config import TrainConfig
from xec_train.data.loader import EventLoader, build_loader
from xec_train.engine.device import reseed
from xec_train.engine.state import TrainState
from xec_train.errors import TrainError
from xec_train.processes import collectives
from xec_train.processes.launch import detect_launch
from xec_train.runs.display import Display
from xec_train.runs.preparation import Preparation


def build_loaders(
    config: TrainConfig, ready: Preparation, fabric: Fabric, display: Display
) -> tuple[EventLoader, EventLoader]:
    """Loaders of this process's share of the training and of the validation.

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
        if events.n_events < fabric.world_size:
            raise TrainError(
                f"{name}: {events.n_events} events for {fabric.world_size} processes; "
                "expected at least one for each"
            )
        loader, notes = build_loader(
            events.reader,
            events.sources,
            config.data,
            seed=seed,
            rank=fabric.global_rank,
            world=fabric.world_size,
            pin=fabric.device.type == "cuda",
            tasks=[TASKS[name] for name in config.enabled_tasks],
            on_machine=detect_launch(os.environ).per_node,
            on_cores=collectives.processes_on_my_cores(),
        )
        # Memory differs between machines, and between two looks at the same one.
        loader.group_events = collectives.smallest(loader.group_events)
        for note in notes:
            display.note(note)
        loaders.append(loader)
    return loaders[0], loaders[1]


def order_of(loader: EventLoader) -> dict[str, int]:
    """What the order of the events depends on, besides the files; kept with the place in the epoch."""
    return {
        "n_batches": len(loader),
        "batch_size": loader.batch_size,
        "group_events": loader.group_events,
        "seed": loader.seed or 0,
        "world": loader.world,
    }


def find_place(
    config: TrainConfig, state: TrainState, loader: EventLoader, checkpoint: dict[str, Any], display: Display
) -> None:
    """Take up the order of the interrupted epoch, whatever memory this machine has.

    Parameters
    ----------
    config
        Section ``training``: the seed.
    state
        As restored from the checkpoint. If the order is another one, its epoch is begun anew; with another
        number of processes, so are the random numbers.
    loader
        Of the training; it gets the groups of the checkpoint.
    checkpoint
        What was restored.
    display
        Takes notes.
    """
    before = {"world": 1, **checkpoint["sampler"]}
    if before["world"] != loader.world:
        processes = f"{before['world']} process{'es' if before['world'] > 1 else ''}"
        display.note(f"the checkpoint was written by {processes}, now there are {loader.world}")
        reseed(config.training.seed, state.place.step)
    if not state.place.batch:
        return
    loader.group_events = before["group_events"]
    if any(before[name] != value for name, value in order_of(loader).items()):
        display.note(
            "files, seed, batch size or number of processes differ from those of the checkpoint: "
            f"epoch {state.place.epoch + 1} is begun anew"
        )
        state.place.restart_epoch()
        state.scheduler.begin_epoch(state.place.epoch)
