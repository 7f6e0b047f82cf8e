"""A training, its run directory and its results."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from xec_geometry.support.output import atomic_output
from xec_geometry.support.revision import git_revision
from xec_models.checkpoint.run_directory import RunDirectory
from xec_train.config.template import resolved
from xec_train.config.train_config import TrainConfig
from xec_train.data.dead_channels import write_lists
from xec_train.data.reading_processes import reading_failures_reported
from xec_train.engine.checkpoints import CheckpointWriter
from xec_train.engine.display import Display
from xec_train.engine.interruption import Interruption
from xec_train.engine.measurement.system_metrics import SystemMetrics
from xec_train.engine.state import TrainState
from xec_train.engine.time_limit import TimeLimit
from xec_train.engine.train_loop import TrainLoop, no_epoch_hook, no_hook
from xec_train.objectives.table import OBJECTIVES, ObjectiveEntry
from xec_train.runs.assembly import Assembly, assemble
from xec_train.runs.claim import RunClaim
from xec_train.runs.loaders import order_of
from xec_train.runs.names import may_exist
from xec_train.runs.preparation import Preparation
from xec_train.runs.results import write_results
from xec_train.tracking.base import Trackers
from xec_train.tracking.data_files import DataFile, changed_files, describe_files, read_data_files
from xec_train.tracking.mlflow_tracker import MlflowTracker
from xec_train.tracking.opening import open_trackers


@dataclass(frozen=True)
class TrainingOutcome:
    """How a training ended.

    Attributes
    ----------
    run
        The run directory.
    finished
        Whether it reached its end; else it was interrupted and can be resumed.
    """

    run: RunDirectory
    finished: bool


@dataclass(frozen=True)
class LargerWork:
    """What a larger piece of work, such as a scan, adds to one of its trainings.

    Attributes
    ----------
    after_epoch, after_step
        Hooks of the loop, which may stop the training.
    tags
        Tags of its MLflow run.
    """

    after_epoch: Callable[[int, Mapping[str, float]], bool] = no_epoch_hook
    after_step: Callable[[TrainLoop], bool] = no_hook
    tags: Mapping[str, str] = field(default_factory=dict)


# Keys that apply to one start, not to every resumption.
ONE_TIME_KEYS = ("reset_epoch", "refresh_lr", "new_mlflow_run")


def train(config: TrainConfig, notes: Sequence[str] = (), display: Display | None = None) -> RunDirectory:
    """Train a network as `run_training`, and return the run directory alone."""
    return run_training(config, notes, display).run


def run_training(
    config: TrainConfig,
    notes: Sequence[str] = (),
    display: Display | None = None,
    larger: LargerWork | None = None,
) -> TrainingOutcome:
    """Train a network.

    Parameters
    ----------
    config
        The configuration.
    notes
        Notes to print first.
    display
        Display of messages and progress.
    larger
        The larger piece of work that it is a part of.

    Returns
    -------
    TrainingOutcome
        The run directory, and whether the training reached its end.

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
        reading_failures_reported(),
        assembly.processes.lost_connection_reported(),
        closing(assembly.training),
        closing(assembly.validation),
        closing(_claim(config, assembly.ready)) as claim,
    ):
        run = RunDirectory(assembly.processes.broadcast(claim.acquire))
        return _run(assembly.of_run(run), time_limit, display, larger or LargerWork())


def _run(assembly: Assembly, time_limit: TimeLimit, display: Display, larger: LargerWork) -> TrainingOutcome:
    config, ready, fabric, processes, state, training, validation = assembly
    processes.broadcast(lambda: _write_config(config, ready))
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
    inputs = processes.broadcast(ready.input_range)
    for line in processes.broadcast(lambda: ready.unlike(inputs)):
        display.warn(line)
    writer = CheckpointWriter(
        ready.run,
        config,
        objective.network_kind,
        fabric,
        processes,
        order=order_of(training),
        inputs=inputs,
        geometry=ready.objective.geometry,
    )
    tracker, mlflow = Trackers(), None
    data: Sequence[DataFile] = ()
    if processes.is_first:
        data = describe_files(ready.training, ready.validation)
        # Those of an earlier start, which this one continues.
        _tell_changes(read_data_files(ready.run.data_files), display)
        step = state.progress.step
        tracker, mlflow = _start_tracking(config, ready, step, mlflow_run, writer, data, larger.tags, display)
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
                after_step=larger.after_step,
                after_epoch=larger.after_epoch,
                system_metrics=system.epoch,
            )
            finished = loop.run()
        if processes.is_first:
            _tell_changes(data, display)
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
    return TrainingOutcome(ready.run, finished)


def _claim(config: TrainConfig, ready: Preparation) -> RunClaim:
    continues = ready.checkpoint is not None or may_exist(config)
    return RunClaim(ready.run, is_named=config.mlflow.run_name is not None, continues=continues)


def _write_config(config: TrainConfig, ready: Preparation) -> None:
    with atomic_output(ready.run.config) as temporary:
        temporary.write_text(resolved(config), encoding="utf-8")
    write_lists(ready.run, config.data.dead_channels or (), ready.objective.dead_channels.lists)


def _start_tracking(
    config: TrainConfig,
    ready: Preparation,
    step: int,
    run_id: str | None,
    writer: CheckpointWriter,
    data: Sequence[DataFile],
    tags: Mapping[str, str],
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
        data=data,
        tags={"mlflow.source.git.commit": git_revision(__file__), **tags},
        on_run=started,
        warn=display.warn,
    )


def _tell_changes(files: Sequence[DataFile], display: Display) -> None:
    for line in changed_files(files):
        display.warn(line)


def _print_end(run: RunDirectory, objective: ObjectiveEntry, state: TrainState, display: Display) -> None:
    display.line()
    display.line(
        f"done: epoch {state.progress.epoch}, smallest validation loss {state.progress.best_value:.4g}"
    )
    display.line(f"run directory: {run.path}")
    for path in sorted(path for path in run.path.rglob("[!.]*") if path.is_file()):
        display.line(f"  {path.relative_to(run.path)}")
    best = run.checkpoint_best if run.checkpoint_best.exists() else run.checkpoint_last
    display.line("next:")
    best_word, run_word = shlex.quote(str(best)), shlex.quote(str(run.path))
    for command, meaning in objective.next_steps.items():
        display.line(f"  {command.format(best=best_word, run=run_word)}     {meaning}")


def _print_resume(config: TrainConfig, run: RunDirectory, state: TrainState, display: Display) -> None:
    progress = state.progress
    display.line(f"stopped in epoch {progress.epoch + 1} after {progress.batch} batches; to resume:")
    one_time = [f"checkpoint.{key}=false" for key in ONE_TIME_KEYS if getattr(config.checkpoint, key)]
    words = ["xec", "train", str(run.config), f"checkpoint.resume_from={run.checkpoint_last}", *one_time]
    display.line(f"  {shlex.join(words)}")
