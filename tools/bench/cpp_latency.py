"""How long events take in C++ and in Python, in turns, with one thread each.

    python -m tools.bench.cpp_latency build-cpp/xec-validate events.xec model.onnx model.pt2

`events.xec` is of `xec predict` or `xec inpaint --dump-inputs`, with 64 events or more; the models are
exports of the network that it is of. Each is compared with itself in Python, and with the first one in C++.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xec_export.formats.table import EXPORT_FORMATS, Run
from xec_geometry import N_SENSORS

BATCHES = (1, 16, 64)

# Events that pass through the network at a time, as in C++.
_PIECE = 16

Floats = NDArray[np.float32]
Times = dict[tuple[Path, int], list[float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("validate", type=Path)
    parser.add_argument("events", type=Path)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="for each number of events and round")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    inputs = read_inputs(options.events)
    opened = {path: open_model(path) for path in options.models}
    in_cpp: Times = {(path, n): [] for path in opened for n in BATCHES}
    in_python: Times = {key: [] for key in in_cpp}
    for _ in range(options.rounds):
        for path, run in opened.items():
            for n, milliseconds in measure_cpp(options, path).items():
                in_cpp[path, n].append(milliseconds)
            for n in BATCHES:
                in_python[path, n].append(measure_python(run, inputs, n, options.seconds))
    print_table(in_cpp, in_python)


def print_table(in_cpp: Times, in_python: Times) -> None:
    """Print medians, and the ratios that were measured in turns."""
    first = next(iter(in_cpp))[0]
    print(f"{'model':<20} {'events':>6} {'C++ ms':>9} {'Python ms':>9} {'C++/Python':>15} {'C++/first':>15}")
    for path, n in in_cpp:
        cpp, python = in_cpp[path, n], in_python[path, n]
        print(
            f"{path.name:<20} {n:6} {np.median(cpp):9.3f} {np.median(python):9.3f} {_ratio(cpp, python):>15} "
            f"{_ratio(cpp, in_cpp[first, n]):>15}"
        )


def _ratio(over: list[float], under: list[float]) -> str:
    ratios = np.array(over) / np.array(under)
    noise = (np.percentile(ratios, 84) - np.percentile(ratios, 16)) / 2
    return f"{np.median(ratios):.3f} ± {noise:.3f}"


def open_model(path: Path) -> Run:
    """Open an export in Python."""
    found = [form for form in EXPORT_FORMATS.values() if form.suffix == path.suffix]
    if not found:
        raise SystemExit(f"cpp_latency: {path}: expected a file of `xec export`")
    return found[0].open(path)


def read_inputs(path: Path) -> list[Floats]:
    """The inputs of a network in a file of `--dump-inputs`."""
    head, _, numbers = path.read_bytes().partition(b"\ndata\n")
    found = re.search(rb"^events (\d+)$", head, re.MULTILINE)
    if found is None or int(found[1]) < max(BATCHES):
        raise SystemExit(
            f"cpp_latency: {path}: expected {max(BATCHES)} events of `xec predict --dump-inputs`"
        )
    n_inputs = len(re.findall(rb"^input ", head, re.MULTILINE))
    rows = np.frombuffer(numbers, "<f4").reshape(int(found[1]), -1)
    return [rows[:, i * N_SENSORS : (i + 1) * N_SENSORS].copy() for i in range(n_inputs)]


def measure_cpp(options: argparse.Namespace, model: Path) -> dict[int, float]:
    """Median milliseconds a call, by number of events."""
    command = [options.validate, model, options.events, "--seconds", str(options.seconds)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {int(n): float(ms) for n, ms in re.findall(r"latency (\d+) events: median ([\d.]+) ms", printed)}


def measure_python(run: Run, inputs: list[Floats], n_events: int, duration: float) -> float:
    """Median milliseconds for some events, in pieces."""
    pieces = [
        [values[first : min(first + _PIECE, n_events)] for values in inputs]
        for first in range(0, n_events, _PIECE)
    ]
    times: list[float] = []
    start = time.perf_counter()
    while len(times) < 3 or time.perf_counter() - start < duration:
        begin = time.perf_counter()
        for piece in pieces:
            run(*piece)
        times.append(time.perf_counter() - begin)
    return 1e3 * float(np.median(times))


if __name__ == "__main__":
    main()
