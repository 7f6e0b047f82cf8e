"""The loader of a training: its rate, its start, its memory, and whether a network waits for it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from tools.bench.case import Result, case
from tools.bench.events import BRANCHES, event_files, many_small_files
from tools.bench.measure import alternate, watch_memory
from tools.bench.reading import ROUNDS, against_best, limits

from xec_data.schema.branches import SCHEMA
from xec_train.config.sections import DataConfig
from xec_train.data.events import open_events
from xec_train.data.loader import EventLoader, build_loader, thread_count

WORKERS = 2
_TIMES = 24
_BATCH = 256
_STEP_BATCH = 16
_STEPS = 3
_START_SECONDS = 2.0
_MOST_CHUNKS = 3.0
_MOST_WAITING = 0.05


def loader_of(paths: Sequence[Path], batch: int, workers: int) -> EventLoader:
    """The loader of a training on some files."""
    config = DataConfig.model_validate(
        {"train_path": "x", "val_path": "x", "batch_size": batch, "num_workers": workers}
    )
    threads = thread_count("auto", workers)
    events = open_events([str(path) for path in paths], BRANCHES[2:], config, threads=threads)
    return build_loader(events.reader, events.sources, config, seed=0)[0]


def _epoch(loader: EventLoader) -> int:
    return sum(len(batch["npho"]) for batch in loader.epoch(0))


def _loading(compression: str) -> Result:
    paths = event_files(compression)
    loader = loader_of(paths, _BATCH, WORKERS)
    # A short epoch is mostly the start of its workers: the files are gone through several times.
    long = replace(loader, sources=[*loader.sources] * _TIMES)
    with watch_memory() as memory:
        rates = alternate({**limits(paths), "loader": partial(_epoch, long)}, ROUNDS - 2)
    return against_best(f"loader, {WORKERS} workers, {compression}", rates, "loader", memory, 0.85)


@case("data")
def loading_lz4() -> Result:
    """Shuffled batches from files that are read fast."""
    return _loading("lz4")


@case("data")
def loading_zstd() -> Result:
    """Shuffled batches from files that take longer to decompress."""
    return _loading("zstd")


@case("data")
def memory_of_a_worker() -> Result:
    """What a worker takes beyond its libraries, in groups of shuffled events: the chunk it works on."""
    loader = loader_of(event_files("lz4"), _BATCH, WORKERS)
    chunk = (
        loader.group_events * sum(SCHEMA[name].bytes_per_event for name in loader.reader.branches) / 1024**2
    )
    with watch_memory() as idle:
        next(iter(loader_of(event_files("lz4", 1, 1), 1, 1).epoch()))
    with watch_memory() as memory:
        _epoch(loader)
    libraries = max(idle.children_mb.values(), default=0.0)
    used = max(memory.children_mb.values(), default=0.0) - libraries
    return Result(
        "memory of a worker",
        used,
        "MB",
        chunk * _MOST_CHUNKS,
        f"{_MOST_CHUNKS:g} chunks",
        used / (chunk * _MOST_CHUNKS),
        memory.peak_mb,
        1.0,
        less_is_better=True,
    )


@case("data")
def first_batch_of_many_files() -> Result:
    """From a list of files to the first shuffled batch, everything checked."""
    paths = many_small_files()
    seconds = []
    with watch_memory() as memory:
        for _ in range(3):
            start = time.perf_counter()
            batches = loader_of(paths, _BATCH, WORKERS).epoch()
            next(batches)
            seconds.append(time.perf_counter() - start)
            batches.close()
    usual = sorted(seconds)[1]
    return Result(
        f"first batch of {len(paths)} files",
        usual,
        "s",
        _START_SECONDS,
        "time allowed",
        usual / _START_SECONDS,
        memory.peak_mb,
        1.0,
        noise=(max(seconds) - min(seconds)) / 2 / _START_SECONDS,
        less_is_better=True,
    )


@case("data")
def waiting_for_data() -> Result:
    """Part of a training step of the default network that is spent waiting for a batch."""
    import torch

    from xec_data.normalization.transforms import NormalizationConfig
    from xec_models.config.network import ModelConfig, TaskConfig
    from xec_models.regressor.regressor import XECRegressor

    network = XECRegressor(ModelConfig(), {"energy": TaskConfig(enabled=True)}, NormalizationConfig())
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = network.to(device).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-5)
    batches = loader_of(event_files("zstd"), _STEP_BATCH, 1).epoch()
    waited = total = 0.0
    with watch_memory() as memory:
        for step in range(_STEPS + 1):
            start = time.perf_counter()
            batch = next(batches)
            got = time.perf_counter()
            out = network.forward_standardized(batch["npho"].to(device), batch["time"].to(device))
            optimizer.zero_grad()
            out["energy"].square().mean().backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            # The first batch is waited for once an epoch: that is another case.
            if step:
                waited, total = waited + got - start, total + time.perf_counter() - start
    batches.close()
    return Result(
        "waiting for data, default network",
        100 * waited / total,
        "% of the step",
        100 * _MOST_WAITING,
        "part allowed",
        waited / total / _MOST_WAITING,
        memory.peak_mb,
        1.0,
        device=device,
        less_is_better=True,
    )
