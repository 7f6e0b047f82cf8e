"""How long events take in C++ and in Python, in turns, with one thread each.

    python -m tools.bench.cpp_latency model.onnx events.xec build-cpp/xec-validate

`events.xec` is of `xec predict --dump-inputs`, with 64 events or more.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xec_export import OnnxPredictor, open_predictor

BATCHES = (1, 16, 64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("events", type=Path)
    parser.add_argument("validate", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="for each number of events and round")
    options = parser.parse_args()
    predictor = open_predictor(options.model, threads=1)
    assert isinstance(predictor, OnnxPredictor)
    npho, seconds = read_inputs(options.events, predictor.description.n_sensors)
    in_cpp: dict[int, list[float]] = {n: [] for n in BATCHES}
    in_python: dict[int, list[float]] = {n: [] for n in BATCHES}
    for _ in range(options.rounds):
        for n, milliseconds in measure_cpp(options).items():
            in_cpp[n].append(milliseconds)
        for n in BATCHES:
            in_python[n].append(measure_python(predictor, npho[:n], seconds[:n], options.seconds))
    print(f"{'events':>6} {'C++ ms':>9} {'Python ms':>9} {'C++/Python':>16}")
    for n in BATCHES:
        ratios = np.array(in_cpp[n]) / np.array(in_python[n])
        noise = (np.percentile(ratios, 84) - np.percentile(ratios, 16)) / 2
        cpp, python = np.median(in_cpp[n]), np.median(in_python[n])
        print(f"{n:6} {cpp:9.3f} {python:9.3f} {np.median(ratios):9.3f} ± {noise:.3f}")


def read_inputs(path: Path, n_sensors: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Photons and times of a file of `xec predict --dump-inputs`."""
    head, _, numbers = path.read_bytes().partition(b"\ndata\n")
    found = re.search(rb"^events (\d+)$", head, re.MULTILINE)
    if found is None or int(found[1]) < max(BATCHES):
        raise SystemExit(
            f"cpp_latency: {path}: expected {max(BATCHES)} events of `xec predict --dump-inputs`"
        )
    rows = np.frombuffer(numbers, "<f4").reshape(int(found[1]), -1)
    return rows[:, :n_sensors].copy(), rows[:, n_sensors : 2 * n_sensors].copy()


def measure_cpp(options: argparse.Namespace) -> dict[int, float]:
    """Median milliseconds a call, by number of events."""
    command = [options.validate, options.model, options.events, "--seconds", str(options.seconds)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {int(n): float(ms) for n, ms in re.findall(r"latency (\d+) events: median ([\d.]+) ms", printed)}


def measure_python(
    predictor: OnnxPredictor, npho: NDArray[np.float32], seconds: NDArray[np.float32], duration: float
) -> float:
    """Median milliseconds a call."""
    times: list[float] = []
    start = time.perf_counter()
    while len(times) < 3 or time.perf_counter() - start < duration:
        begin = time.perf_counter()
        predictor.predict(npho, seconds)
        times.append(time.perf_counter() - begin)
    return 1e3 * float(np.median(times))


if __name__ == "__main__":
    main()
