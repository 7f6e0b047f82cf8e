"""Where the time of a training goes: a few of its steps under torch's profiler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from xec_geometry.support.output import atomic_output, check_writable
from xec_train.config.train_config import TrainConfig
from xec_train.data.batch import Batch
from xec_train.engine.phases import PHASES, Stopwatch
from xec_train.engine.train_loop import TrainLoop
from xec_train.errors import TrainError
from xec_train.processes.collectives import connected, from_first
from xec_train.runs.display import Display
from xec_train.runs.training import assemble

# The first steps allocate memory, choose algorithms and compile.
WARMUP_STEPS = 2

_MEANINGS = dict(
    zip(
        PHASES,
        (
            "waiting for batches from the files",
            "copying them to the device",
            "network and loss",
            "gradient",
            "clipping, optimizer, average, schedule",
        ),
        strict=True,
    )
)


@dataclass
class _Nowhere:
    """Takes metrics and checkpoints and forgets them; and says when it is enough."""

    requested: bool = False
    due: bool = False

    def log(self, *_: Any) -> None:
        """Forget."""

    def decide(self, *wishes: bool) -> tuple[bool, ...]:
        """All processes count the same steps, and need not ask each other when it is enough."""
        return wishes


class _ProfiledLoop(TrainLoop):
    """Epoch after epoch without validation, until enough steps are measured."""

    profiler: Any
    watch: Stopwatch
    measured: int
    n_steps: int
    total: float

    def run(self) -> bool:
        while not self.interruption.requested:
            with self._progress("profile", len(self.training)) as progress:
                self._train_epoch(progress)
            self.state.place.next_epoch()
        return False

    def _step(self, window: list[Batch]) -> Tensor:
        norm = super()._step(window)
        self.measured += 1
        if self.measured == 0:
            self.state.settle()
            self.profiler.start()
            self.watch.restart()
        if self.measured == self.n_steps:
            # Now, not when the reading processes have been ended.
            self.total = self.watch.total
            self.interruption.requested = True
        return norm


def profile_training(
    config: TrainConfig, n_steps: int, notes: Sequence[str] = (), display: Display | None = None
) -> Path:
    """Measure steps of a training; nothing of what it learns is kept.

    Parameters
    ----------
    config
        The configuration.
    n_steps
        Steps of the optimizer to measure, after a few that are not.
    notes
        What the user should be told first.
    display
        Where to print the table.

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
    config, ready, fabric, state, training, validation = assemble(config, display)
    path = from_first(lambda: _new_file(Path(f"profile_{ready.run.name}.json")))
    ready.objective.weigh_events(ready.training, ready.run.path, resumed=False, write=False)
    nowhere: Any = _Nowhere()
    watch = Stopwatch(fabric.device)
    loop = _ProfiledLoop(
        fabric=fabric,
        objective=ready.objective,
        state=state,
        training=training,
        validation=validation,
        config=config.training,
        keeper=nowhere,
        tracker=nowhere,
        display=display,
        interruption=nowhere,
        phase=watch,
    )
    activities = [ProfilerActivity.CPU]
    if fabric.device.type == "cuda":
        activities.append(ProfilerActivity.CUDA)
    loop.profiler, loop.watch = profile(activities=activities), watch
    loop.measured, loop.n_steps, loop.votes = -WARMUP_STEPS, n_steps, nowhere
    with connected():
        loop.run()
    loop.profiler.stop()
    display.console.print(_table(watch, loop.total, n_steps))
    if fabric.device.type == "cuda":
        display.note("every part waits for the GPU here; a training lets them overlap and is faster")
    if fabric.world_size > 1:
        display.note(f"this is the first of {fabric.world_size} processes; backward includes their exchange")
    if fabric.is_global_zero:
        with atomic_output(path) as temporary:
            loop.profiler.export_chrome_trace(str(temporary))
        display.line(f"wrote {path}: open it in https://ui.perfetto.dev or chrome://tracing")
    return path


def _new_file(path: Path) -> Path:
    check_writable(path)
    if path.exists():
        raise TrainError(f"{path} exists already; expected a new mlflow.run_name")
    return path


def _table(watch: Stopwatch, total: float, n_steps: int) -> Table:
    table = Table(title=f"where the time of {n_steps} steps went", title_justify="left")
    table.add_column("part")
    table.add_column("ms per step", justify="right")
    table.add_column("share", justify="right")
    table.add_column("what")
    rows = [(name, watch.seconds[name], _MEANINGS[name]) for name in PHASES]
    rest = max(0.0, total - sum(watch.seconds.values()))
    for name, seconds, meaning in [*rows, ("other", rest, "the loop itself, the profiler")]:
        table.add_row(name, f"{1e3 * seconds / n_steps:.2f}", f"{100 * seconds / total:.1f} %", meaning)
    table.add_section()
    table.add_row("total", f"{1e3 * total / n_steps:.2f}", "100.0 %", "")
    return table
