"""Profiling of a training: a few of its steps, whose weights are discarded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xec_geometry.support.output import check_writable
from xec_train.config.train_config import TrainConfig
from xec_train.data.reading_processes import reading_failures_reported
from xec_train.engine.display import Display
from xec_train.engine.interruption import Interruption
from xec_train.engine.measurement.profiling import StepProfiler
from xec_train.engine.train_loop import TrainLoop
from xec_train.errors import TrainError
from xec_train.runs.assembly import assemble
from xec_train.tracking.base import Trackers


def profile_training(
    config: TrainConfig, n_steps: int, notes: Sequence[str] = (), display: Display | None = None
) -> Path:
    """Measure steps of a training; its weights are discarded.

    Parameters
    ----------
    config
        The configuration.
    n_steps
        Steps of the optimizer to measure, after a few that are not.
    notes
        Notes to print first.
    display
        Display for the table.

    Returns
    -------
    Path
        The trace, ``profile_<run name>.json`` in the working folder, for chrome://tracing or Perfetto.

    Raises
    ------
    XecError
        As `train`; or if there is such a file already.
    """
    display = display or Display()
    for note in notes:
        display.note(note)
    assembly = assemble(config, display)
    processes, ready = assembly.processes, assembly.ready
    path = processes.broadcast(lambda: _new_file(Path(f"profile_{ready.run.name}.json")))
    ready.objective.fit_event_weights(ready.training, ready.run.path, resumed=False, write=False)
    device = assembly.fabric.device
    profiler = StepProfiler(device, n_steps)
    loop = TrainLoop(
        fabric=assembly.fabric,
        processes=processes,
        objective=ready.objective,
        state=assembly.state,
        training=assembly.training,
        validation=assembly.validation,
        config=assembly.config.training,
        writer=None,
        tracker=Trackers(),
        display=display,
        interruption=Interruption(),
        phase=profiler.phase,
        after_step=profiler.after_step,
    )
    with reading_failures_reported(), processes.lost_connection_reported():
        while not profiler.done:
            with loop.progress_bar("profile", len(loop.training)) as bar:
                loop.train_epoch(bar)
            loop.state.progress.next_epoch()
    profiler.stop()
    display.console.print(profiler.table())
    if device.type == "cuda":
        display.note("every phase waits for the GPU here; in a training they overlap, which is faster")
    if processes.is_distributed:
        display.note(
            f"this is the first of {processes.world_size} processes; backward includes their exchange"
        )
    if processes.is_first:
        profiler.write_trace(path)
        display.line(f"wrote {path}: open it in https://ui.perfetto.dev or chrome://tracing")
    return path


def _new_file(path: Path) -> Path:
    check_writable(path)
    if path.exists():
        raise TrainError(f"{path} exists already; expected a new mlflow.run_name")
    return path
