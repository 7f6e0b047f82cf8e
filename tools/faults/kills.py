"""``hatch run kills``: a training that is killed at random moments ends as one that nobody disturbed.

SIGKILL hits a process wherever it is: in a step, while a checkpoint is written, between two files. Started
again with ``checkpoint.resume_from=auto``, the training has to end with the same weights, bit for bit, the
same best checkpoint, and the same rows of metrics.csv. A training that has reached its end is followed by
another one, until there have been enough kills.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from xec_geometry.support.output import make_folder
from xec_models.checkpoint.plain import load_plain
from xec_models.checkpoint.run_directory import RunDirectory
from xec_train.tracking.metrics_file import read_metrics

XEC = (sys.executable, "-c", "from xec_geometry.cli.application import main; main()")
TORCHRUN = (
    sys.executable,
    "-m",
    "torch.distributed.run",
    "--standalone",
    "--nproc-per-node=2",
    "--no-python",
)

WHOLE, KILLED = "whole", "killed"

SETTINGS = (
    "data.train_path=train.root",
    "data.val_path=val.root",
    "data.batch_size=16",
    "data.num_workers=0",
    "model.encoder_dim=64",
    "model.outer_fine_pool=[3,3]",
    "model.anchor=none",
    "model.window=null",
    "training.warmup_epochs=0",
    "checkpoint.save_artifacts=false",
    "checkpoint.every_minutes=0.005",
    "export.onnx=null",
    "mlflow.enabled=false",
)

# Which of so many processes may be killed alone; empty: all of them.
_VICTIMS = {1: ("",), 2: ("", "0", "1")}
_TOO_OFTEN = 3
# Seconds in which torchrun ends after one of its processes has died.
_PATIENCE = 120

# Of the machine, not of the training.
_TIMES = ("system/",)


@dataclass(frozen=True)
class Storm:
    """What happened.

    Attributes
    ----------
    kills
        How often a training was killed before it had ended.
    trainings
        How many trainings it took.
    differences
        What is not as in the training that nobody disturbed, a line each.
    """

    kills: int
    trainings: int
    differences: tuple[str, ...]


def storm(folder: Path, kills: int, *, seed: int = 0, epochs: int = 4, processes: int = 1) -> Storm:
    """Kill a training again and again, and compare what becomes of it.

    Parameters
    ----------
    folder
        For events and trainings; events that are there are used.
    kills
        Number of kills.
    seed
        Of the moments.
    epochs
        Epochs of the training.
    processes
        Processes that train together: 1 or 2. Of two, the first, the second, or both are killed.
    """
    make_folder(folder)
    _prepare(folder)
    runs = Path(tempfile.mkdtemp(prefix="trainings-", dir=folder))
    start = time.monotonic()
    _run(_training(runs, WHOLE, epochs, processes), folder)
    duration = time.monotonic() - start
    choices, done, trainings, unharmed = random.Random(seed), 0, 0, 0
    differences: list[str] = []
    while done < kills:
        name = f"{KILLED}-{trainings}"
        command, before = _training(runs, name, epochs, processes), done
        # A training that ends sooner has nothing left to be killed.
        while done < kills and _killed(
            command, folder, choices.uniform(0.3, 0.9) * duration, choices.choice(_VICTIMS[processes])
        ):
            done += 1
        _run(command, folder)
        trainings += 1
        found = _differences(RunDirectory(runs / WHOLE), RunDirectory(runs / name))
        differences += [f"{name}: {difference}" for difference in found]
        # The first training may have been slow because nothing was in memory yet.
        unharmed = unharmed + 1 if done == before else 0
        if unharmed == _TOO_OFTEN:
            raise RuntimeError(f"{name} ended before it could be killed, like those before it")
    return Storm(done, trainings, tuple(differences))


def _prepare(folder: Path) -> None:
    for name, events, seed in (("train.root", 160, 1), ("val.root", 32, 2)):
        if not (folder / name).exists():
            _run((*XEC, "data", "simulate", name, "-n", str(events), "-s", str(seed)), folder)
    if not (folder / "config.yaml").exists():
        _run((*XEC, "config", "new", "-o", "config.yaml"), folder)


def _training(runs: Path, name: str, epochs: int, processes: int) -> tuple[str, ...]:
    words = (
        *("train", "config.yaml", *SETTINGS, f"training.epochs={epochs}", f"mlflow.run_name={name}"),
        *(f"checkpoint.save_dir={runs.name}", "checkpoint.resume_from=auto"),
    )
    return (*(XEC if processes == 1 else (*TORCHRUN, *XEC)), *words)


def _run(command: tuple[str, ...], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[3:])} ended with {done.returncode}: {done.stderr}")


def _killed(command: tuple[str, ...], folder: Path, seconds: float, victim: str) -> bool:
    """Start a command and kill it; return whether it was not done before.

    Parameters
    ----------
    command, folder
        What is started, and where.
    seconds
        Time after which it is killed.
    victim
        Rank of the only process that is killed; empty for all of them.
    """
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            every = _family(process.pid)
            ranks = {rank: child for child in every if (rank := _rank(child))}
            for child in [ranks[victim]] if victim in ranks else every:
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            try:
                # Where one of two is left, it and torchrun have to end by themselves.
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired as error:
                for child in _family(process.pid):
                    os.kill(child, signal.SIGKILL)
                raise RuntimeError(f"what was left without process {victim} did not end") from error
            return True
    if process.returncode:
        raise RuntimeError(f"{' '.join(command[3:])} ended with {process.returncode} before it was killed")
    return False


def _family(process: int) -> list[int]:
    """Return a process and all that it has started: torchrun gives its children sessions of their own."""
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        children = []
    return [process, *(one for child in children for one in _family(int(child)))]


def _rank(process: int) -> str:
    """Return the rank that torchrun has given a process; empty for others."""
    try:
        variables = Path(f"/proc/{process}/environ").read_text().split("\0")
    except OSError:
        return ""
    return next((text.removeprefix("RANK=") for text in variables if text.startswith("RANK=")), "")


def _differences(whole: RunDirectory, killed: RunDirectory) -> list[str]:
    found = []
    for name in ("checkpoint_last", "checkpoint_best"):
        contents = [load_plain(getattr(run, name)) for run in (whole, killed)]
        for part in ("model", "ema_model", "optimizer", "epoch", "step", "best_value"):
            one, other = (content[part] for content in contents)  # type: ignore[index]
            if not _equal(one, other):
                found.append(f"{name}: {part} is another one")
    rows = [_rows(run) for run in (whole, killed)]
    found += [f"metrics.csv lacks {row}" for row in rows[0] if row not in rows[1]]
    found += [f"metrics.csv has {row} twice" for row in set(rows[1]) if rows[1].count(row) > 1]
    left = [path.name for path in killed.path.iterdir() if path.name.startswith(".")]
    return [*found, *(f"{name} was left behind" for name in left)]


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_equal, one, other))
    return bool(one == other)


def _rows(run: RunDirectory) -> list[tuple[str, ...]]:
    return [
        (row["epoch"], row["step"], row["metric"], row["value"])
        for row in read_metrics(run.metrics)
        if not any(word in row["metric"] for word in _TIMES)
    ]


def main(
    folder: Annotated[Path, typer.Argument(help="For events and trainings.")] = Path("kills"),
    kills: Annotated[int, typer.Option(help="Number of kills.")] = 30,
    seed: Annotated[int, typer.Option(help="Seed of their moments.")] = 0,
    processes: Annotated[int, typer.Option(min=1, max=2, help="Processes that train together.")] = 1,
) -> None:
    """Kill a training at random moments, and compare its end with that of one that nobody disturbed."""
    result = storm(folder, kills, seed=seed, processes=processes)
    for line in result.differences:
        typer.echo(line)
    typer.echo(f"{result.kills} kills in {result.trainings} trainings, {len(result.differences)} differences")
    raise typer.Exit(bool(result.differences))


if __name__ == "__main__":
    typer.run(main)
