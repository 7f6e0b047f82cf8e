"""Rates on a shared machine: alternated runs, medians, and peak memory."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

_SAMPLE_SECONDS = 0.02
_SELF = Path("/proc/self")


@dataclass(frozen=True)
class Rates:
    """Rates of several things that ran in turns, one number a round.

    Attributes
    ----------
    of
        Name → rates, a second.
    """

    of: Mapping[str, list[float]]

    def median(self, name: str) -> float:
        """The usual rate of one of them."""
        return float(np.median(self.of[name]))

    def best(self, names: list[str]) -> str:
        """The fastest of some."""
        return max(names, key=self.median)

    def ratio(self, name: str, limit: str) -> tuple[float, float]:
        """Median of the ratios within a round, and half the range that holds two thirds of them."""
        ratios = np.array(self.of[name]) / np.array(self.of[limit])
        low, high = np.percentile(ratios, [16, 84])
        return float(np.median(ratios)), float(high - low) / 2


def alternate(functions: Mapping[str, Callable[[], int]], rounds: int) -> Rates:
    """Run functions in turns.

    Whatever else the machine does then slows all of them alike, and cancels in their ratios.

    Parameters
    ----------
    functions
        Name → what to run; each gives how many events (or other units) it went through.
    rounds
        How often each runs. One round more comes first and is not counted.
    """
    rates: dict[str, list[float]] = {name: [] for name in functions}
    for number in range(rounds + 1):
        # Every other round backwards: nobody always runs behind the same neighbour.
        for name in list(functions)[:: 1 if number % 2 else -1]:
            start = time.perf_counter()
            done = functions[name]()
            seconds = time.perf_counter() - start
            if number:
                rates[name].append(done / seconds)
    return Rates(rates)


@dataclass
class Memory:
    """Memory while a block ran, beyond what was in use before it began.

    Attributes
    ----------
    before_mb
        Resident memory of this process when the block began.
    peak_mb
        Largest resident memory of this process.
    children_mb
        Largest memory of any single child process; what it shares with others counts in parts.
    """

    before_mb: float = 0.0
    peak_mb: float = 0.0
    children_mb: dict[int, float] = field(default_factory=dict)


@contextlib.contextmanager
def watch_memory() -> Iterator[Memory]:
    """Watch the memory of this process and of its children while a block runs (Linux; elsewhere zeros).

    Yields
    ------
    Memory
        Complete when the block has ended.
    """
    memory = Memory(before_mb=_status("VmRSS"))
    stop = threading.Event()

    def sample() -> None:
        while not stop.wait(_SAMPLE_SECONDS):
            memory.peak_mb = max(memory.peak_mb, _status("VmRSS"))
            for child in _children():
                used = _proportional(child)
                memory.children_mb[child] = max(memory.children_mb.get(child, 0.0), used)

    memory.peak_mb = memory.before_mb
    thread = threading.Thread(target=sample, daemon=True)
    # The kernel's own record of the peak sees what falls between two samples.
    exact = _reset_peak()
    thread.start()
    try:
        yield memory
    finally:
        # A block shorter than the time between two samples, where the kernel's record cannot be reset.
        memory.peak_mb = max(memory.peak_mb, _status("VmRSS"), _status("VmHWM") if exact else 0.0)
        stop.set()
        thread.join()


def peak_of_process() -> float | None:
    """Most memory (MB) that this process has had, on a GPU if it uses one; None if that is not known."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return float(torch.cuda.max_memory_allocated()) / 2**20
    return _status("VmHWM") or None


def peak_of(process: int) -> float:
    """Most memory (MB) that a running process has had; 0 if that is not known."""
    return _status("VmHWM", Path(f"/proc/{process}"))


def _reset_peak() -> bool:
    try:
        (_SELF / "clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _status(key: str, process: Path = _SELF) -> float:
    try:
        lines = (process / "status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{key}:")), 0.0)


def _children() -> list[int]:
    children: list[int] = []
    for task in (_SELF / "task").glob("*/children"):
        with contextlib.suppress(OSError):
            children += map(int, task.read_text().split())
    return children


def _proportional(process: int) -> float:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0
