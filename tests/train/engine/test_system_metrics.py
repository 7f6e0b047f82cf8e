"""Memory, and the time spent on waiting for data."""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.synchronize import Event

import psutil
import pytest
import torch

from xec_train.config.train_config import TrainConfig
from xec_train.engine.measurement import system_metrics
from xec_train.engine.measurement.phases import FORWARD, READ
from xec_train.engine.measurement.system_metrics import GB, SystemMetrics, gpu_memory, ram_of_processes
from xec_train.runs.training import train

CPU = torch.device("cpu")


def test_efficiency_is_the_time_that_is_not_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([10.0, 13.0, 14.0, 15.0, 19.0, 20.0])  # waits of 3, 1 and 1 s within 10 s
    monkeypatch.setattr(system_metrics.time, "perf_counter", lambda: next(clock))
    measured = SystemMetrics(CPU)
    for _ in range(3):
        with measured(READ):
            pass
        with measured(FORWARD):
            pass
    numbers = measured.epoch()
    assert numbers["system/avg_data_load_sec"] == pytest.approx(5 / 3)
    assert numbers["system/compute_efficiency"] == pytest.approx(0.5)


def test_every_epoch_begins_anew() -> None:
    measured = SystemMetrics(CPU)
    with measured(READ):
        time.sleep(0.02)
    assert measured.epoch()["system/avg_data_load_sec"] >= 0.02
    with measured(READ):
        pass
    assert measured.epoch()["system/avg_data_load_sec"] < 0.02


def _hold(n_bytes: int, ready: Event, done: Event) -> None:
    block = bytearray(os.urandom(1024)) * (n_bytes // 1024)
    ready.set()
    done.wait(60)
    del block


def test_memory_counts_other_processes_and_what_they_share_once() -> None:
    rss = psutil.Process().memory_info().rss
    before = ram_of_processes()
    assert 0.3 * rss < before < 1.2 * rss
    context, size = get_context("fork"), 100_000_000
    ready, done = context.Event(), context.Event()
    child = context.Process(target=_hold, args=(size, ready, done))
    child.start()
    try:
        assert ready.wait(60)
        grown = ram_of_processes() - before
    finally:
        done.set()
        child.join()
    # The child's own block, and little of what it has in common with this process.
    assert size < grown < size + 0.5 * rss


def test_numbers_are_logged_every_epoch(configure: Callable[..., TrainConfig]) -> None:
    run = train(configure("training.epochs=2"))
    with run.metrics.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["epoch"] != "0"]
    by_epoch = [{row["metric"]: float(row["value"]) for row in rows if row["epoch"] == e} for e in "12"]
    for numbers in by_epoch:
        assert 0.05 < numbers["system/ram_used_gb"] < psutil.virtual_memory().total / GB
        assert 0.0 < numbers["system/avg_data_load_sec"] < numbers["system/epoch_duration_sec"]
        assert 0.0 < numbers["system/compute_efficiency"] < 1.0
        # Validation is part of an epoch, not of the rate at which it trains.
        assert numbers["system/throughput_events_per_sec"] > 64 / numbers["system/epoch_duration_sec"]
        # No GPU, no numbers of one.
        assert not [name for name in numbers if "memory" in name or "gpu" in name]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_memory_of_a_gpu() -> None:
    device = torch.device("cuda", 0)
    torch.cuda.reset_peak_memory_stats(device)
    before = gpu_memory(device)
    block = torch.zeros(250_000_000, device=device)  # a gigabyte
    during = gpu_memory(device)
    del block
    after = gpu_memory(device)
    assert during["system/memory_allocated_GB"] - before["system/memory_allocated_GB"] == pytest.approx(
        1.0, abs=0.01
    )
    assert after["system/memory_peak_GB"] >= during["system/memory_allocated_GB"]
    assert after["system/memory_fragmentation"] > during["system/memory_fragmentation"]
    assert during["system/memory_reserved_GB"] >= during["system/memory_allocated_GB"]
    total = torch.cuda.get_device_properties(device).total_memory
    assert during["system/gpu_utilization_pct"] == pytest.approx(
        100 * GB * during["system/memory_allocated_GB"] / total
    )
    assert set(SystemMetrics(device).epoch()) > set(after)
