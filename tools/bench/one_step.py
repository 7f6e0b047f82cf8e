"""A training step in a process of its own: ``python -m tools.bench.one_step FORM WIDTH BATCH``.

In one process what an allocator keeps of an earlier, larger step would count for the next one.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from tools.bench.measure import watch_memory

_REPEATS = 3
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Step:
    """What a step takes.

    Attributes
    ----------
    seconds
        Usual time of a step.
    process_mb, own_mb
        Largest memory of the process, and what of it came with network and steps; of a GPU if there is one.
    """

    seconds: float
    process_mb: float
    own_mb: float


def step_elsewhere(form: str, width: int, batch: int) -> Step:
    """Measure forward and backward of a form (fast, plain) of the network with so many events."""
    command = [sys.executable, "-m", __name__, form, str(width), str(batch)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=_ROOT)
    return Step(**json.loads(done.stdout))


def _measure(form: str, width: int, batch: int) -> Step:
    import torch
    from tools.bench.networks import DEVICE, as_trained, gradient_step, random_network, random_readings
    from tools.bench.plain_form import plain_copy

    readings = random_readings(batch, DEVICE)
    seconds = []
    with watch_memory() as memory:
        network = random_network(width, DEVICE)
        if form == "plain":
            network = plain_copy(network)
        network = as_trained(network)
        for _ in range(_REPEATS + 1):
            start = time.perf_counter()
            gradient_step(network, readings)
            seconds.append(time.perf_counter() - start)
    if DEVICE == "cuda":
        peak = torch.cuda.max_memory_allocated() / 2**20
        return Step(statistics.median(seconds[1:]), peak, peak)
    return Step(statistics.median(seconds[1:]), memory.peak_mb, memory.peak_mb - memory.before_mb)


if __name__ == "__main__":
    print(json.dumps(asdict(_measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))))
