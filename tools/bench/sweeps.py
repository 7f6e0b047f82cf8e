"""Sweeps of the growth plots, one function each."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from tools.bench.events import BRANCHES, event_files, folder
from tools.bench.measure import Memory, watch_memory
from tools.bench.one_step import step_elsewhere

from xec_data import EventReader
from xec_geometry.support.processors import available_cores

BATCHES, WIDTH = (1, 2, 4, 8, 16, 32), 256
WIDTHS, BATCH = (64, 128, 256, 512, 768, 1024), 8
WORKERS = (0, 1, 2)
CLUSTERS, CLUSTER = (1, 2, 4, 8, 16), 439
PROCESSES = (1, 2)

_STEPS, _ROUNDS = 12, 3
_NETWORK = ("model.encoder_dim=64", "model.dim_feedforward=64", "model.hidden_dim=64")
_EVENTS = 800


@dataclass(frozen=True)
class Curve:
    """How one number grows with another.

    Attributes
    ----------
    what, per
        Names of the numbers, with units.
    x, y
        The values.
    linear
        Whether a straight line is expected.
    """

    what: str
    per: str
    x: Sequence[float]
    y: Sequence[float]
    linear: bool = True

    def line(self) -> tuple[float, float]:
        """Offset and slope of the straight line nearest in relative distance."""
        x, y = np.array(self.x, float), np.array(self.y, float)
        slope, offset = np.polyfit(x, y, 1, w=1 / y)
        return float(offset), float(slope)

    def farthest(self) -> float:
        """Largest relative distance from that line."""
        offset, slope = self.line()
        x, y = np.array(self.x, float), np.array(self.y, float)
        return float(np.abs((offset + slope * x) / y - 1).max())


Sweep = Callable[[], list[Curve]]


def batch_size() -> list[Curve]:
    """A step of more events."""
    steps = [step_elsewhere("fast", WIDTH, batch) for batch in BATCHES]
    per = f"batch size (encoder_dim {WIDTH})"
    return [
        Curve("time of a step [ms]", per, BATCHES, [1e3 * step.seconds for step in steps]),
        Curve("memory of a step [MB]", per, BATCHES, [step.own_mb for step in steps]),
    ]


def encoder_dim() -> list[Curve]:
    """A step of a wider network."""
    steps = [step_elsewhere("fast", width, BATCH) for width in WIDTHS]
    per = f"encoder_dim (batch size {BATCH})"
    return [
        Curve("time of a step [ms]", per, WIDTHS, [1e3 * step.seconds for step in steps], linear=False),
        Curve("memory of a step [MB]", per, WIDTHS, [step.own_mb for step in steps], linear=False),
    ]


def workers() -> list[Curve]:
    """A step, and the memory of all processes, with more processes that read."""
    import torch
    from tools.bench.loading import loader_of
    from tools.bench.networks import gradient_step, random_network

    network = random_network(64)
    paths = event_files("zstd")
    seconds: dict[int, list[float]] = {number: [] for number in WORKERS}
    memories = {}
    for watched in (False, True):
        # Watching the memory of processes takes time. In turns, as the machine may change its speed.
        for number in WORKERS * (1 if watched else _ROUNDS):
            spent: list[float] = [] if watched else seconds[number]
            watch = watch_memory() if watched else nullcontext(Memory())
            with watch as memory, closing(loader_of(paths, 16, number).epoch()) as batches:
                for batch in islice(_timed(batches, spent), _STEPS):
                    gradient_step(network, (torch.nan_to_num(batch["npho"]), batch["time"]))
            memories[number] = memory.peak_mb - memory.before_mb + sum(memory.children_mb.values())
    times = [1e3 * statistics.median(seconds[number]) for number in WORKERS]
    per = "reading processes (encoder_dim 64, batch size 16)"
    return [
        Curve("time of a step [ms]", per, WORKERS, times, linear=False),
        Curve("memory of reading [MB]", per, WORKERS, [memories[number] for number in WORKERS]),
    ]


def _timed(batches: Iterator[dict[str, object]], spent: list[float]) -> Iterator[dict[str, object]]:
    # From one request to the next: waiting for the batch, and what is done with it.
    start = time.perf_counter()
    for batch in batches:
        yield batch
        spent.append(time.perf_counter() - start)
        start = time.perf_counter()


def file_size() -> list[Curve]:
    """Reading larger files."""
    sizes, seconds = [], []
    for clusters in CLUSTERS:
        (path,) = event_files("lz4", 1, clusters * CLUSTER)
        taken = []
        for _ in range(5):
            start = time.perf_counter()
            sum(map(len, EventReader([path], BRANCHES)))
            taken.append(time.perf_counter() - start)
        sizes.append(path.stat().st_size / 1e6)
        seconds.append(1e3 * statistics.median(taken))
    return [Curve("time to read a file [ms]", "size of the file [MB]", sizes, seconds)]


def processes() -> list[Curve]:
    """An epoch shared by processes, on this machine."""
    (train,) = event_files("lz4", 1, _EVENTS)
    (val,) = event_files("lz4", 1, 16)
    seconds = [_epoch_seconds(train, val, number) for number in PROCESSES]
    return [
        Curve(
            "time of an epoch [s]", f"processes ({_EVENTS} events, batches of 32)", PROCESSES, seconds, False
        )
    ]


def _epoch_seconds(train: Path, val: Path, number: int) -> float:
    from xec_analysis.runs.training_curves import read_metrics
    from xec_models.checkpoint.run_directory import RunDirectory

    artifacts = folder() / f"processes_{number}"
    config = folder() / "processes.yaml"
    config.write_text("mlflow: {enabled: false}\n")
    command = [
        str(Path(sys.executable).with_name("xec")),
        "train",
        str(config),
        f"data.train_path={train}",
        f"data.val_path={val}",
    ]
    command += [f"data.batch_size={32 // number}", "data.num_workers=0", "training.epochs=2", *_NETWORK]
    command += [f"checkpoint.save_dir={artifacts}", "checkpoint.save_artifacts=false"]
    command += ["mlflow.run_name=run", "export.onnx=null"]
    if number > 1:
        launcher = [
            sys.executable,
            "-m",
            "torch.distributed.run",
            f"--nproc-per-node={number}",
            "--no-python",
        ]
        command = launcher + command
    # Each process on as many cores as there are for it, as on a cluster.
    cores = max(1, available_cores() // max(PROCESSES))
    environment = {**os.environ, "OMP_NUM_THREADS": str(cores)}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment, cwd=folder())
    return read_metrics(RunDirectory(artifacts / "run").metrics)["system/epoch_duration_sec"].value[-1]


SWEEPS: tuple[Sweep, ...] = (batch_size, encoder_dim, workers, file_size, processes)
