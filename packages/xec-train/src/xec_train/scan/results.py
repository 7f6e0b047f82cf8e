"""The results of a study: a table of all trials, and the best configuration, ready for ``xec train``."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xec_geometry.support.output import atomic_output
from xec_train.config.template import resolved
from xec_train.config.yaml_text import write_scalar
from xec_train.scan.points import in_words
from xec_train.scan.progress import COMPLETE, FAILED, PRUNED, RUNNING, WAITING, Scan, state_of
from xec_train.scan.space_file import changed
from xec_train.scan.study import EPOCHS, ERROR, LOST, RUN, Queue

if TYPE_CHECKING:
    from rich.table import Table

COLUMNS = ("step", "trial", "state", "value", "epochs", "seconds", "started", "lost", "run", "error")
_ORDER = (COMPLETE, RUNNING, PRUNED, WAITING, FAILED)
_STYLES = {FAILED: "red", PRUNED: "dim", WAITING: "dim"}


@dataclass(frozen=True)
class Row:
    """A trial.

    Attributes
    ----------
    step, number, state
        Step, number, and state in a word.
    value
        Its metric; of one that was pruned, that of its last epoch.
    epochs, seconds
        Epochs and time of its training.
    started
        When its last start was.
    lost
        How often its worker was lost.
    run, error
        Run directory; why it failed.
    values
        What was chosen for it.
    """

    step: str
    number: int
    state: str
    value: float | None
    epochs: int | None
    seconds: float | None
    started: str
    lost: int
    run: str
    error: str
    values: dict[str, Any]


def rows(queue: Queue) -> Iterator[Row]:
    """Yield the trials of a step in their order."""
    for trial in queue.trials():
        state, attributes = state_of(trial), trial.user_attrs
        value = trial.value
        if state != COMPLETE:
            value = trial.intermediate_values.get(trial.last_step) if trial.last_step is not None else None
        yield Row(
            queue.search.name,
            trial.number,
            state,
            value,
            attributes.get(EPOCHS, trial.last_step),
            trial.duration.total_seconds() if trial.duration is not None else None,
            trial.datetime_start.isoformat(timespec="seconds") if trial.datetime_start else "",
            attributes.get(LOST, 0),
            attributes.get(RUN, ""),
            attributes.get(ERROR, ""),
            queue.own_values(trial),
        )


def write_table(scan: Scan) -> None:
    """Write ``trials.csv``: a row for each trial, and ``best.yaml`` if there is a best one."""
    keys = list(dict.fromkeys(key for queue in scan.queues for key in queue.search.space))
    with (
        atomic_output(scan.folder.table) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*COLUMNS, *keys])
        for queue in scan.begun:
            for row in rows(queue):
                cells = [row.step, row.number, row.state, row.value, row.epochs, row.seconds, row.started]
                cells += [row.lost, row.run, row.error]
                chosen = [write_scalar(row.values[key]) if key in row.values else "" for key in keys]
                writer.writerow([*("" if cell is None else cell for cell in cells), *chosen])
    text = best_config(scan)
    if text is not None:
        with atomic_output(scan.folder.best) as temporary:
            temporary.write_text(text, encoding="utf-8")


def best_of(scan: Scan) -> tuple[Queue, Any] | None:
    """Return the best trial of the last step that has one, with its step."""
    for queue in reversed(scan.begun):
        if (best := queue.best()) is not None:
            return queue, best
    return None


def best_config(scan: Scan) -> str | None:
    """Return the configuration of the best trial, as of a training of its own; None if there is none."""
    found = best_of(scan)
    if found is None:
        return None
    queue, best = found
    config, problems = changed(scan.record.settings, queue.values(best))
    assert config is not None, problems
    header = (
        f"# Trial {best.number} of {queue.name}, the best one: {scan.record.space.metric} {best.value:.6g}. "
        "For: xec train THIS_FILE\n"
    )
    return header + resolved(config)


def table(queue: Queue, most: int | None = None) -> Table:
    """Make a table of a step for people: the best trials first.

    Parameters
    ----------
    queue
        The step.
    most
        Rows that it has at most; None: all.
    """
    from rich import box
    from rich.table import Table

    sign = queue.space.sign
    # What only waits is counted below.
    ordered = sorted(
        (row for row in rows(queue) if row.state != WAITING or row.values),
        key=lambda row: (_ORDER.index(row.state), sign * row.value if row.value is not None else math.inf),
    )
    keys = list(queue.search.space)
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=_title(queue), title_justify="left")
    for heading in ("trial", "state", queue.space.metric, "epochs", "time"):
        made.add_column(heading, justify="left" if heading == "state" else "right", no_wrap=True)
    for key in short_names(keys):
        made.add_column(key, justify="right", no_wrap=True)
    for row in ordered[:most]:
        made.add_row(
            str(row.number),
            row.state,
            "" if row.value is None else f"{row.value:.5g}",
            "" if row.epochs is None else str(row.epochs),
            time_in_words(row.seconds),
            *(in_words(row.values[key]) if key in row.values else "" for key in keys),
            style=_STYLES.get(row.state),
        )
    return made


def short_names(keys: Sequence[str]) -> list[str]:
    """Return the last parts of keys that tell them apart: ``lr``, ``energy.weight``, ``angle.weight``."""
    shortened = []
    for key in keys:
        parts = key.split(".")
        ends = (".".join(parts[-n:]) for n in range(1, len(parts) + 1))
        shortened.append(
            next(end for end in ends if [f".{other}".endswith(f".{end}") for other in keys].count(True) == 1)
        )
    return shortened


def _title(queue: Queue) -> str:
    return f"step {queue.search.name}" if queue.search.name else ""


def time_in_words(seconds: float | None) -> str:
    """Write the time of a trial, as ``0:02:04``; empty if it has none."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
