"""A training, its run directory and its results."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from xec_geometry.support.output import atomic_output, make_folder
from xec_geometry.support.revision import git_revision
from xec_models.checkpoint.run_directory import RunDirectory
from xec_train.config.template import resolved
from xec_train.config.train_config import TrainConfig
from xec_train.engine.checkpoints import CheckpointWriter
from xec_train.engine.display import Display
from xec_train.engine.interruption import Interruption
from xec_train.engine.measurement.system_metrics import SystemMetrics
from xec_train.engine.state import TrainState
from xec_train.engine.time_limit import TimeLimit
from xec_train.engine.train_loop import TrainLoop
from xec_train.objectives.table import OBJECTIVES, ObjectiveEntry
from xec_train.runs.assembly import Assembly, assemble
from xec_train.runs.loaders import order_of
from xec_train.runs.preparation import Preparation
from xec_train.runs.results import write_results
from xec_train.tracking.base import Trackers
from xec_train.tracking.data_files import describe_files
from xec_train.tracking.mlflow_tracker import MlflowTracker
from xec_train.tracking.opening import open_trackers

# Keys that apply to one start, not to every resumption.
_ONE_TIME_KEYS = ("reset_epoch", "refresh_lr", "new_mlflow_run")


def train(config: TrainConfig, notes: Sequence[str] = (), display: Display | None = None) -> RunDirectory:
    """Train a network.

    Parameters
    ----------
    config
        The configuration.
    notes
        Notes to print first.
    display
        Display of messages and progress.

    Returns
    -------
    RunDirectory
        The run directory; without results if the training was interrupted.

    Raises
    ------
    XecError
        If files, configuration or checkpoint do not fit: then no run directory is left behind. Or if too
        many steps in a row are not finite.
    """
    display, time_limit = display or Display(), TimeLimit(config.training.max_minutes)
    for note in notes:
        display.note(note)
    assembly = assemble(config, display)
    with (
        assembly.processes.lost_connection_reported(),
        closing(assembly.training),
        closing(assembly.validation),
    ):
        return _run(assembly, time_limit, display)


def _run(assembly: Assembly, time_limit: TimeLimit, display: Display) -> RunDirectory:
    config, ready, fabric, processes, state, training, validation = assembly
    processes.broadcast(lambda: _write_config(config, ready.run))
    lines = processes.run_on_all(
        lambda: ready.objective.fit_event_weights(
            ready.training,
            ready.run.path,
            resumed=ready.checkpoint is not None,
            write=processes.is_first,
        )
    )
    for line in lines:
        display.line(line)
    mlflow_run = None
    if ready.checkpoint is not None and not config.checkpoint.new_mlflow_run:
        mlflow_run = ready.checkpoint.provenance.mlflow_run_id
    objective = OBJECTIVES[config.objective]
    writer = CheckpointWriter(
        ready.run,
        config,
        objective.network_kind,
        fabric,
        processes,
        order=order_of(training),
    )
    tracker, mlflow = Trackers(), None
    if processes.is_first:
        tracker, mlflow = _start_tracking(config, ready, state.progress.step, mlflow_run, writer, display)
    system = SystemMetrics(fabric.device)
    tracker.log(ready.event_counts, state.progress.epoch, state.progress.step)
    try:
        with Interruption(launched=processes.is_distributed, quiet=not processes.is_first) as interruption:
            loop = TrainLoop(
                fabric=fabric,
                processes=processes,
                objective=ready.objective,
                state=state,
                training=training,
                validation=validation,
                config=config.training,
                writer=writer,
                tracker=tracker,
                display=display,
                interruption=interruption,
                time_limit=time_limit,
                bad_events=ready.run.bad_events,
                phase=system,
                system_metrics=system.epoch,
            )
            finished = loop.run()
        if finished:
            tracker.add_files(write_results(assembly, display))
    except BaseException:
        tracker.finish("FAILED")
        raise
    tracker.finish("FINISHED" if finished else "KILLED")
    if processes.is_first:
        if finished:
            _print_end(ready.run, objective, state, display)
        else:
            _print_resume(config, ready.run, state, display)
        if mlflow is not None and (finished or not mlflow.complete):
            display.line(f"  {mlflow.next_step()}")
    return ready.run


def _write_config(config: TrainConfig, run: RunDirectory) -> None:
    make_folder(run.path)
    with atomic_output(run.config) as temporary:
        temporary.write_text(resolved(config), encoding="utf-8")


def _start_tracking(
    config: TrainConfig,
    ready: Preparation,
    step: int,
    run_id: str | None,
    writer: CheckpointWriter,
    display: Display,
) -> tuple[Trackers, MlflowTracker | None]:
    def started(run_id: str) -> None:
        writer.mlflow_run_id = run_id

    # Also while nothing is sent: 'xec track upload' completes that run.
    writer.mlflow_run_id = run_id
    return open_trackers(
        config,
        ready.run,
        step=step,
        run_id=run_id,
        data=describe_files(ready.training, ready.validation),
        git_revision=git_revision(__file__),
        on_run=started,
        warn=display.warn,
    )


def _print_end(run: RunDirectory, objective: ObjectiveEntry, state: TrainState, display: Display) -> None:
    display.line()
    display.line(
        f"done: epoch {state.progress.epoch}, smallest validation loss {state.progress.best_value:.4g}"
    )
    display.line(f"run directory: {run.path}")
    for path in sorted(path for path in run.path.rglob("*") if path.is_file()):
        display.line(f"  {path.relative_to(run.path)}")
    best = run.checkpoint_best if run.checkpoint_best.exists() else run.checkpoint_last
    display.line("next:")
    for command, meaning in objective.next_steps.items():
        display.line(f"  {command.format(best=best, run=run.path)}     {meaning}")


def _print_resume(config: TrainConfig, run: RunDirectory, state: TrainState, display: Display) -> None:
    progress = state.progress
    display.line(f"stopped in epoch {progress.epoch + 1} after {progress.batch} batches; to resume:")
    one_time = [f"checkpoint.{key}=false" for key in _ONE_TIME_KEYS if getattr(config.checkpoint, key)]
    display.line(
        " ".join([f"  xec train {run.config} checkpoint.resume_from={run.checkpoint_last}", *one_time])
    )
