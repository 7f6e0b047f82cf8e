"""A training from configuration to run directory."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from lightning_fabric import Fabric
from torch import nn

from xec_geometry.support.output import atomic_output, make_folder
from xec_models.checkpoint.checkpoint import load_evaluated, read_checkpoint
from xec_models.checkpoint.run_directory import RunDirectory
from xec_train.config.template import resolved
from xec_train.config.train_config import TrainConfig
from xec_train.data.loader import EventLoader
from xec_train.data.loaders import build_loaders, find_place, order_of
from xec_train.data.plan import ceil_div
from xec_train.engine.checkpoints import Keeper, git_revision
from xec_train.engine.compilation import compile_methods, compile_mode
from xec_train.engine.device import build_fabric, reseed
from xec_train.engine.evaluation import evaluate
from xec_train.engine.interruption import Interruption
from xec_train.engine.state import TrainState, build_state, restore
from xec_train.engine.system_metrics import SystemMetrics
from xec_train.engine.train_loop import TrainLoop
from xec_train.errors import TrainError
from xec_train.objectives.base import Objective
from xec_train.processes import collectives
from xec_train.runs.artifacts import make_artifacts
from xec_train.runs.display import Display
from xec_train.runs.preparation import Preparation, prepare
from xec_train.tracking.base import Trackers
from xec_train.tracking.data_files import describe_files
from xec_train.tracking.mlflow_tracker import MlflowTracker
from xec_train.tracking.opening import open_trackers

# Keys that are meant for one start, not for every continuation.
_ONCE = ("reset_epoch", "refresh_lr", "new_mlflow_run")


class Assembly(NamedTuple):
    """A training that is ready to begin or to go on."""

    config: TrainConfig
    ready: Preparation
    fabric: Fabric
    state: TrainState
    training: EventLoader
    validation: EventLoader


def train(config: TrainConfig, notes: Sequence[str] = (), display: Display | None = None) -> RunDirectory:
    """Train what a configuration describes.

    Parameters
    ----------
    config
        The configuration.
    notes
        What the user should be told first.
    display
        Where to print.

    Returns
    -------
    RunDirectory
        What the training left behind; without results if it was interrupted.

    Raises
    ------
    XecError
        If files, configuration or checkpoint do not fit: then no run directory is left behind. Or if the
        loss stops being a number.
    """
    display = display or Display()
    for note in notes:
        display.note(note)
    assembly = assemble(config, display)
    with collectives.connected(), closing(assembly.training), closing(assembly.validation):
        return _run(assembly, display)


def _run(assembly: Assembly, display: Display) -> RunDirectory:
    config, ready, fabric, state, training, validation = assembly
    first, alone = fabric.is_global_zero, fabric.world_size == 1
    collectives.from_first(lambda: _write_config(config, ready.run))
    lines = collectives.together(
        lambda: ready.objective.weigh_events(
            ready.training, ready.run.path, resumed=ready.checkpoint is not None, write=first
        )
    )
    for line in lines:
        display.line(line)
    mlflow_run = (ready.checkpoint or {}).get("mlflow_run_id")
    if config.checkpoint.new_mlflow_run:
        mlflow_run = None
    keeper = Keeper(ready.run, config, ready.objective.kind, fabric, order=order_of(training))
    tracker, mlflow = Trackers(), None
    if first:
        tracker, mlflow = _start_tracking(config, ready, state.place.step, mlflow_run, keeper, display)
    system = SystemMetrics(fabric.device)
    tracker.log(ready.event_counts, state.place.epoch, state.place.step)
    try:
        with Interruption(launched=not alone, quiet=not first) as interruption:
            loop = TrainLoop(
                fabric=fabric,
                objective=ready.objective,
                state=state,
                training=training,
                validation=validation,
                config=config.training,
                keeper=keeper,
                tracker=tracker,
                display=display,
                interruption=interruption,
                bad_events=ready.run.bad_events,
                phase=system,
                system=system.epoch,
            )
            finished = loop.run()
        if finished:
            tracker.add_files(_finish(config, ready, fabric, state, validation, display))
    except BaseException:
        tracker.finish("FAILED")
        raise
    tracker.finish("FINISHED" if finished else "KILLED")
    if first:
        if finished:
            _say_goodbye(ready.run, ready.objective, state, display)
        else:
            _say_how_to_resume(config, ready.run, state, display)
        if mlflow is not None and (finished or not mlflow.complete):
            display.line(f"  {mlflow.what_next()}")
    return ready.run


def assemble(config: TrainConfig, display: Display) -> Assembly:
    """Make everything that a training needs; nothing is written.

    Raises
    ------
    XecError
        If files, configuration or checkpoint do not fit.
    """
    fabric = build_fabric(config.training, config.distributed)
    with collectives.connected():
        ready = prepare(config, display)
        config = _with_run_name(config, ready.run.name)
        return collectives.together(lambda: _assemble(config, ready, fabric, display))


def _assemble(config: TrainConfig, ready: Preparation, fabric: Fabric, display: Display) -> Assembly:
    network = ready.objective.build_network()
    if ready.checkpoint is None:
        ready.objective.prepare(network, ready.training.truth)
    if ready.weights is not None:
        # Before the average is made, which starts as a copy.
        for line in ready.weights.load(network):
            display.line(line)
    training, validation = build_loaders(config, ready, fabric, display)
    steps_per_epoch = ceil_div(len(training), config.training.grad_accum_steps)
    state = build_state(fabric, network, config.training, steps_per_epoch, ready.objective.forward_methods)
    if fabric.world_size > 1:
        # The weights are the same in every process; what is drawn from now on shall not be.
        reseed(config.training.seed, 0)
    if ready.checkpoint is not None:
        restore(state, ready.checkpoint, fabric, str(ready.checkpoint_path))
        find_place(config, state, training, ready.checkpoint, display)
        if config.checkpoint.refresh_lr:
            state.scheduler.restart(state.place.epoch)
    mode = compile_mode(config.training.compile, fabric.device)
    if mode is not None and not state.layout.compiles:
        display.note("torch.compile is left out: not with distributed.strategy=fsdp")
        mode = None
    compile_methods(network, ready.objective.forward_methods or ("forward",), mode, display.warn)
    _describe(config, network, fabric, state, display)
    return Assembly(config, ready, fabric, state, training, validation)


def _with_run_name(config: TrainConfig, name: str) -> TrainConfig:
    return config.model_copy(update={"mlflow": config.mlflow.model_copy(update={"run_name": name})})


def _describe(
    config: TrainConfig, network: nn.Module, fabric: Fabric, state: TrainState, display: Display
) -> None:
    size = sum(parameter.numel() for parameter in network.parameters()) / 1e6
    tasks = f", tasks {', '.join(config.enabled_tasks)}" if config.enabled_tasks else ""
    display.line(f"network: {size:.3g} million parameters{tasks}")
    processes = f", {fabric.world_size} processes" if fabric.world_size > 1 else ""
    display.line(f"device: {fabric.device}, precision {fabric.strategy.precision.precision}{processes}")
    if config.distributed.strategy == "fsdp" and fabric.world_size == 1:
        display.note("distributed.strategy: fsdp divides a network among processes; there is only one")
    training = config.training
    if training.warmup_epochs >= training.epochs:
        display.note(
            f"training.warmup_epochs ({training.warmup_epochs:g}) is not below training.epochs "
            f"({training.epochs}): the learning rate only rises"
        )
    if state.place.epoch >= training.epochs:
        display.note(
            f"all {training.epochs} epochs are done, only the results are written anew; "
            "a larger training.epochs goes on"
        )


def _write_config(config: TrainConfig, run: RunDirectory) -> None:
    make_folder(run.path)
    with atomic_output(run.config) as temporary:
        temporary.write_text(resolved(config), encoding="utf-8")


def _start_tracking(
    config: TrainConfig, ready: Preparation, step: int, run_id: str | None, keeper: Keeper, display: Display
) -> tuple[Trackers, MlflowTracker | None]:
    def begun(run_id: str) -> None:
        keeper.mlflow_run_id = run_id

    # Also while nothing is sent: 'xec track upload' completes that run.
    keeper.mlflow_run_id = run_id
    return open_trackers(
        config,
        ready.run,
        step=step,
        run_id=run_id,
        data=describe_files(ready.training, ready.validation),
        git_revision=git_revision(),
        begun=begun,
        warn=display.warn,
    )


def _finish(
    config: TrainConfig,
    ready: Preparation,
    fabric: Fabric,
    state: TrainState,
    validation: EventLoader,
    display: Display,
) -> list[Path]:
    """Write what the best network says about the validation events, and what other packages add."""
    run, files = ready.run, [ready.run.config, ready.run.metrics]
    if not config.checkpoint.save_artifacts:
        return files
    best = run.checkpoint_best if run.checkpoint_best.exists() else run.checkpoint_last
    # A machine that has not written the file may see an older one for a while.
    checkpoint = collectives.from_first(lambda: _evaluated_part(read_checkpoint(best)))
    network = state.evaluated
    load_evaluated(network, checkpoint, str(best))
    with display.progress("results of the best network", len(validation)) as progress:
        evaluation = evaluate(fabric, ready.objective, network, validation, progress)
    if evaluation is None:
        raise TrainError(f"the validation of {best} was interrupted")
    if not fabric.is_global_zero:
        return []
    files += ready.objective.write_results(run.path, evaluation.outputs, evaluation.events)
    # The first process reads for all now.
    with closing(replace(validation, rank=0, world=1).epoch()) as batches:
        files += ready.objective.write_readings(run.path, network, map(fabric.to_device, batches))
    return [*files, *make_artifacts(run.path, display.warn)]


def _evaluated_part(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """What `load_evaluated` needs: the weights that were validated, and no others."""
    part = {name: value for name, value in checkpoint.items() if name not in ("optimizer", "processes")}
    return {**part, "model": {}} if checkpoint.get("ema_model") else part


def _say_goodbye(run: RunDirectory, objective: Objective, state: TrainState, display: Display) -> None:
    display.line()
    display.line(f"done: epoch {state.place.epoch}, smallest validation loss {state.place.best_value:.4g}")
    display.line(f"run directory: {run.path}")
    for path in sorted(path for path in run.path.rglob("*") if path.is_file()):
        display.line(f"  {path.relative_to(run.path)}")
    best = run.checkpoint_best if run.checkpoint_best.exists() else run.checkpoint_last
    display.line("next:")
    for command, meaning in objective.next_steps.items():
        display.line(f"  {command.format(best=best, run=run.path)}     {meaning}")


def _say_how_to_resume(config: TrainConfig, run: RunDirectory, state: TrainState, display: Display) -> None:
    place = state.place
    display.line(f"stopped in epoch {place.epoch + 1} after {place.batch} batches; to go on:")
    once = [f"checkpoint.{key}=false" for key in _ONCE if getattr(config.checkpoint, key)]
    display.line(" ".join([f"  xec train {run.config} checkpoint.resume_from={run.checkpoint_last}", *once]))
