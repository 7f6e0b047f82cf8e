"""A profile of training steps: torch's profiler and a stopwatch, as hooks of the loop."""

from __future__ import annotations

from pathlib import Path

import torch
from rich.table import Table
from torch.profiler import ProfilerActivity, profile

from xec_geometry.support.output import atomic_output
from xec_train.engine.measurement.phases import PHASES, Stopwatch
from xec_train.engine.train_loop import TrainLoop

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


class StepProfiler:
    """Profile of some steps of a loop, after a few that are not measured.

    Parameters
    ----------
    device
        The device that computes.
    n_steps
        Steps to measure.

    Attributes
    ----------
    phase
        Hook `TrainLoop.phase`.
    done : bool
        Whether all steps are measured.
    """

    def __init__(self, device: torch.device, n_steps: int) -> None:
        activities = [ProfilerActivity.CPU]
        if device.type == "cuda":
            activities.append(ProfilerActivity.CUDA)
        self.phase = Stopwatch(device)
        self._profiler = profile(activities=activities)
        self._n_steps, self._n_done, self._total = n_steps, -WARMUP_STEPS, 0.0

    @property
    def done(self) -> bool:
        """Whether all steps are measured."""
        return self._n_done == self._n_steps

    def after_step(self, loop: TrainLoop) -> bool:
        """Count a step, as the hook `TrainLoop.after_step`; return whether it was the last one."""
        self._n_done += 1
        if self._n_done == 0:
            loop.complete_pending()
            self._profiler.start()
            self.phase.restart()
        if self.done:
            # Now, not when the reading processes have been ended.
            self._total = self.phase.total
        return self.done

    def stop(self) -> None:
        """Stop the profiler."""
        self._profiler.stop()

    def write_trace(self, path: Path) -> None:
        """Write the trace, for chrome://tracing or Perfetto."""
        with atomic_output(path) as temporary:
            self._profiler.export_chrome_trace(str(temporary))

    def table(self) -> Table:
        """Return the time of each phase of a step, and the rest."""
        table = Table(title=f"where the time of {self._n_steps} steps went", title_justify="left")
        table.add_column("part")
        table.add_column("ms per step", justify="right")
        table.add_column("share", justify="right")
        table.add_column("what")
        seconds = self.phase.seconds
        rest = max(0.0, self._total - sum(seconds.values()))
        rows = [(name, seconds[name], _MEANINGS[name]) for name in PHASES]
        for name, part, meaning in [*rows, ("other", rest, "the loop itself, the profiler")]:
            share = f"{100 * part / self._total:.1f} %"
            table.add_row(name, f"{1e3 * part / self._n_steps:.2f}", share, meaning)
        table.add_section()
        table.add_row("total", f"{1e3 * self._total / self._n_steps:.2f}", "100.0 %", "")
        return table
