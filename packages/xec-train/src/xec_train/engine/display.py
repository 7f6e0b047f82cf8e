"""Display of a running training: a progress bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from xec_train.processes.launch import detect_launch

_SECONDS_BETWEEN_LINES = 60.0
_SECONDS_BETWEEN_UPDATES = 0.5


class Display:
    """Lines and progress bars.

    Parameters
    ----------
    console
        Console to print to; by default the standard output in rank 0, and none in other processes.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, quiet=detect_launch(os.environ).rank > 0)

    def line(self, text: str = "") -> None:
        """Print a line as it is."""
        # Without a terminal rich would break lines at 80 columns.
        self.console.print(text, markup=False, soft_wrap=True)

    def note(self, text: str) -> None:
        """Print a note."""
        self.line(f"note: {text}")

    def warn(self, text: str) -> None:
        """Print a warning."""
        self.line(f"warning: {text}")

    def epoch(
        self,
        number: int,
        total: int,
        metrics: Mapping[str, float],
        headlines: Mapping[str, str],
        improved: bool,
    ) -> None:
        """Print the line of an epoch: its losses, the metrics in `headlines` with their units, its speed."""
        columns = [
            f"epoch {number:>3}/{total}",
            f"train {metrics['train_loss']:<8.4g}",
            f"val {metrics['val_loss']:<8.4g}{'*' if improved else ' '}",
            *(f"{name} {metrics[name]:.4g} {unit}".rstrip() for name, unit in headlines.items()),
            f"{metrics['system/epoch_duration_sec']:.1f} s",
            f"{metrics['system/throughput_events_per_sec']:.0f} events/s",
        ]
        self.line("  ".join(columns))

    @contextmanager
    def progress_bar(self, title: str, n_batches: int, done: int = 0) -> Iterator[ProgressBar]:
        """Show the progress of an epoch, while the block runs."""
        with ProgressBar(self, title, n_batches, done) as progress:
            yield progress


class ProgressBar:
    """The progress of one epoch; made by `Display.progress_bar`."""

    def __init__(self, display: Display, title: str, n_batches: int, done: int) -> None:
        self.display, self.title, self.n_batches, self.done = display, title, n_batches, done
        self.n_events = 0
        self._begin = self._last = time.monotonic()
        self._end: float | None = None
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        if display.console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=None),
                MofNCompleteColumn(),
                TextColumn("{task.fields[state]}"),
                TimeRemainingColumn(),
                console=display.console,
                transient=True,
            )

    def __enter__(self) -> ProgressBar:
        if self._bar is not None:
            self._bar.start()
            self._task = self._bar.add_task(self.title, total=self.n_batches, completed=self.done, state="")
        return self

    def __exit__(self, *_: object) -> None:
        self._end = time.monotonic()
        if self._bar is not None:
            self._bar.stop()

    @property
    def seconds(self) -> float:
        """Time since the beginning."""
        return time.monotonic() - self._begin

    @property
    def events_per_second(self) -> float:
        """Average rate so far; after the end, that of the whole block."""
        seconds = self.seconds if self._end is None else self._end - self._begin
        return self.n_events / max(seconds, 1e-9)

    def advance(self, n_events: int, n_batches: int = 1) -> bool:
        """Count events and batches.

        Returns
        -------
        bool
            Whether it is time to `show` numbers; reading them may wait for the device.
        """
        self.done += n_batches
        self.n_events += n_events
        every = _SECONDS_BETWEEN_LINES if self._bar is None else _SECONDS_BETWEEN_UPDATES
        return time.monotonic() - self._last >= every

    def show(self, numbers: Mapping[str, Any]) -> None:
        """Show the state of the epoch."""
        self._last = time.monotonic()
        rate = f"{self.events_per_second:.0f} events/s"
        state = "  ".join([*(f"{name} {value:.4g}" for name, value in numbers.items()), rate])
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=self.done, state=state)
        else:
            self.display.line(f"{self.title}  batch {self.done}/{self.n_batches}  {state}")
