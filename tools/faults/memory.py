"""``hatch run memory``: files larger than the memory are read, trained on, and predicted.

A file of some events and one of four times as many, each step in a process of its own: its memory must not
grow with the file. Where control groups can be made (usually by root) each step gets no more than the limit.
The network is the smallest one: what is asked is how much of a file is in memory, not of a network.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import typer
from tools.faults.kills import XEC

from xec_data import TreeWriter, read_columns
from xec_geometry.support.output import make_folder

_SOME, _FEW, _MANY = "some.root", "few.root", "many.root"
_N_SOME = 500
_FACTOR = 4
_MB = 1024**2

_SETTINGS = (
    f"data.val_path={_SOME}",
    "model.encoder_dim=64",
    "model.outer_fine_pool=[3,3]",
    "model.inner_pool=[3,4]",
    "model.side_pool=[4,2]",
    "model.hex_width=32",
    "model.hex_depth=1",
    "model.num_fusion_layers=1",
    "model.anchor=none",
    "model.window=null",
    "training.epochs=1",
    "training.warmup_epochs=0",
    "checkpoint.save_artifacts=false",
    "export.onnx=null",
    "mlflow.enabled=false",
)


class Measured(NamedTuple):
    """What a step took.

    Attributes
    ----------
    step
        read, train or predict.
    n_events
        Events of the file.
    megabytes
        The most memory that the process had.
    seconds
        How long it ran.
    """

    step: str
    n_events: int
    megabytes: float
    seconds: float


def repeat(source: Path, target: Path, n_events: int) -> None:
    """Write the events of a file again and again, with numbers of their own."""
    columns = read_columns(source)
    available = len(columns["event"])
    with TreeWriter(target, compression="lz4") as writer:
        for start in range(0, n_events, available):
            numbers = np.arange(start, min(n_events, start + available), dtype=columns["event"].dtype)
            part = {name: values[: len(numbers)] for name, values in columns.items()}
            writer.extend({**part, "event": numbers})


def peak_memory(command: tuple[str, ...], folder: Path, limit_mb: int) -> float:
    """Run a command, with a limit where that is possible; give the most memory (MB) that it had.

    Raises
    ------
    RuntimeError
        If the command fails, or is killed because it needs more.
    """
    with _limited(limit_mb) as start, tempfile.TemporaryFile("w+") as printed:
        process = subprocess.Popen(
            [*start, *command], cwd=folder, stdout=subprocess.DEVNULL, stderr=printed, text=True
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            printed.seek(0)
            raise RuntimeError(f"{' '.join(command[3:])} ended with {process.returncode}: {printed.read()}")
    return usage.ru_maxrss / 1024


def prepare(folder: Path, n_events: int) -> None:
    """Make the two files and the configuration; what is there is used."""
    make_folder(folder)
    if not (folder / _SOME).exists():
        subprocess.run([*XEC, "data", "simulate", _SOME, "-n", str(_N_SOME)], cwd=folder, check=True)
    for name, number in ((_FEW, n_events // _FACTOR), (_MANY, n_events)):
        if not (folder / name).exists():
            repeat(folder / _SOME, folder / name, number)
            typer.echo(f"wrote {name}: {number} events, {(folder / name).stat().st_size / 1e6:.0f} MB")
    if not (folder / "config.yaml").exists():
        subprocess.run([*XEC, "config", "new", "-o", "config.yaml"], cwd=folder, check=True)


def measure(folder: Path, n_events: int, limit_mb: int) -> Iterator[Measured]:
    """Run each step with the smaller file and then with the larger one, and yield what it took.

    Parameters
    ----------
    folder
        That of `prepare`.
    n_events
        Events of the larger file.
    limit_mb
        Memory that a step may have.
    """
    for step in ("read", "train", "predict"):
        for name, number in ((_FEW, n_events // _FACTOR), (_MANY, n_events)):
            begin = time.monotonic()
            peak = peak_memory((*XEC, *_words(step, name)), folder, limit_mb)
            yield Measured(step, number, peak, time.monotonic() - begin)


def _words(step: str, name: str) -> tuple[str, ...]:
    run = f"run_{Path(name).stem}_{os.getpid()}"
    if step == "read":
        return ("data", "check", name)
    if step == "train":
        return ("train", "config.yaml", *_SETTINGS, f"data.train_path={name}", f"mlflow.run_name={run}")
    return ("predict", f"artifacts/{run}/checkpoint_last.pth", name, "-o", "predictions.root", "--force")


@contextmanager
def _limited(megabytes: int) -> Iterator[tuple[str, ...]]:
    """Yield the beginning of a command that gets a control group; nothing where none can be made."""
    root = Path("/sys/fs/cgroup")
    own = f"xec-faults-{os.getpid()}"
    first = (root / "cgroup.controllers").exists()
    group, limit = (root / own, "memory.max") if first else (root / "memory" / own, "memory.limit_in_bytes")
    try:
        group.mkdir()
        (group / limit).write_text(str(megabytes * _MB))
    except OSError:
        yield ()
        return
    try:
        # The shell enters the group, and becomes the command.
        yield ("/bin/sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh")
    finally:
        group.rmdir()


def main(
    folder: Annotated[Path, typer.Argument(help="For events and trainings.")] = Path("memory"),
    events: Annotated[int, typer.Option(help="Events of the larger file; 90000 take 2 GB.")] = 90000,
    limit: Annotated[int, typer.Option(help="Memory in MB that each step may have.")] = 1024,
    growth: Annotated[int, typer.Option(help="MB by which the larger file may take more.")] = 100,
) -> None:
    """Measure the memory of reading, training and predicting with a file and with a four times larger one."""
    prepare(folder, events)
    failed, before = False, 0.0
    for step, number, peak, seconds in measure(folder, events, limit):
        few = number < events
        failed |= peak > limit or (not few and peak - before > growth)
        before = peak
        typer.echo(f"{step}: {peak:.0f} MB for {number} events, {seconds:.0f} s")
    typer.echo("more than was allowed" if failed else "no more than was allowed")
    raise typer.Exit(failed)


if __name__ == "__main__":
    typer.run(main)
