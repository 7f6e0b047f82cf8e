"""Work in a process of its own, a piece whenever it is asked: ``python -m tools.bench.busy_work WORK``.

A line on standard input asks for a piece of some seconds; a line with the rate answers.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

TRAINING, RUNTIME, RUNTIME_ASLEEP = "training", "ONNX Runtime", "ONNX Runtime, waiting asleep"
WIDTH, BATCH = 256, 64
_SECONDS = 4.0


def _training() -> Callable[[], int]:
    from tools.bench.networks import gradient_step, random_network, random_readings

    network, readings = random_network(WIDTH), random_readings(BATCH)
    return lambda: gradient_step(network, readings)


def _onnx(spin: bool) -> Callable[[], int]:
    import onnxruntime
    from tools.bench.networks import random_readings
    from tools.bench.predicting import model_files

    from xec_geometry.support.processors import default_threads

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = default_threads(), 1
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spin)))
    session = onnxruntime.InferenceSession(str(model_files()[1]), options, providers=["CPUExecutionProvider"])
    readings = [values.numpy() for values in random_readings(BATCH)]
    inputs = {entry.name: values for entry, values in zip(session.get_inputs(), readings, strict=True)}
    return lambda: len(session.run(None, inputs)[0])


def main() -> None:
    """Answer until the input ends."""
    work = sys.argv[1]
    step = _training() if work == TRAINING else _onnx(spin=work == RUNTIME)
    step()
    print("ready", flush=True)
    for _ in sys.stdin:
        n_events, start = 0, time.perf_counter()
        while time.perf_counter() < start + _SECONDS:
            n_events += step()
        print(n_events / (time.perf_counter() - start), flush=True)


if __name__ == "__main__":
    main()
