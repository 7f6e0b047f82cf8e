"""System metrics of an epoch: memory, GPU, and the time spent waiting for data."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import psutil
import torch

from xec_train.engine.measurement.phases import READ, unmeasured

GB = 1e9
SECONDS_BETWEEN_SAMPLES = 5.0


class SystemMetrics:
    """System metrics of a running epoch; used as the context of each phase, like `phases.unmeasured`.

    Memory and GPU are sampled every few seconds, right after a batch has arrived. Nothing waits for the
    device.

    Parameters
    ----------
    device
        The device that computes.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._gpu_asked = device.type == "cuda"
        self._restart()

    def __call__(self, name: str) -> AbstractContextManager[None]:
        """Return the context of a phase of a step; only the wait for data is measured."""
        return self._waiting() if name == READ else unmeasured(name)

    def epoch(self) -> dict[str, float]:
        """Return the numbers of an epoch that has ended, and restart.

        Returns
        -------
        dict
            ``system/ram_used_gb``: largest memory of this process and its reading processes, shared pages
            counted once; ``system/avg_data_load_sec``: wait for the data of a step;
            ``system/compute_efficiency``: fraction of the time from the first such wait to the last that was
            none. On a GPU ``system/memory_allocated_GB``, ``system/memory_reserved_GB``,
            ``system/memory_peak_GB`` (of the epoch), ``system/memory_fragmentation`` (fraction of the
            reserved memory that is not in use),
            ``system/gpu_utilization_pct`` (allocated memory as a part of all) and, where the driver reports
            it, ``system/gpu_busy_pct`` (part of the time in which the GPU computes).
        """
        self._sample()
        numbers = {
            "system/ram_used_gb": self._ram / GB,
            "system/avg_data_load_sec": self._waited / max(1, self._waits),
            "system/compute_efficiency": 1.0
            - self._waited / max(self._end - self._begin, self._waited, 1e-9),
        }
        if self.device.type == "cuda":
            numbers |= gpu_memory(self.device)
            torch.cuda.reset_peak_memory_stats(self.device)
        if self._utilizations:
            numbers["system/gpu_busy_pct"] = sum(self._utilizations) / len(self._utilizations)
        self._restart()
        return numbers

    def _restart(self) -> None:
        self._waited, self._waits = 0.0, 0
        self._begin = self._end = 0.0
        self._ram, self._utilizations = 0, list[float]()
        self._next_sample = 0.0

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        begin = time.perf_counter()
        yield
        self._end = now = time.perf_counter()
        self._begin = self._begin or begin
        self._waited += now - begin
        self._waits += 1
        if now >= self._next_sample:
            self._next_sample = now + SECONDS_BETWEEN_SAMPLES
            self._sample()

    def _sample(self) -> None:
        self._ram = max(self._ram, ram_of_processes())
        if self._gpu_asked:
            try:
                self._utilizations.append(float(torch.cuda.utilization(self.device)))
            except Exception:
                # Drivers and containers raise various errors; the metric is then left out.
                self._gpu_asked = False


def ram_of_processes() -> int:
    """Return the memory of this process and its children in bytes; shared pages count once where known."""
    here = psutil.Process()
    return sum(map(_ram, [here, *here.children(recursive=True)]))


def _ram(process: psutil.Process) -> int:
    try:
        info = process.memory_full_info()
        return int(getattr(info, "pss", info.rss))
    except psutil.AccessDenied:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def gpu_memory(device: torch.device) -> dict[str, float]:
    """Return allocated, reserved and peak memory of the device, and how much of it is in use."""
    allocated, reserved = torch.cuda.memory_allocated(device), torch.cuda.memory_reserved(device)
    return {
        "system/memory_allocated_GB": allocated / GB,
        "system/memory_reserved_GB": reserved / GB,
        "system/memory_peak_GB": torch.cuda.max_memory_allocated(device) / GB,
        "system/memory_fragmentation": 1.0 - allocated / reserved if reserved else 0.0,
        "system/gpu_utilization_pct": 100 * allocated / torch.cuda.get_device_properties(device).total_memory,
    }
