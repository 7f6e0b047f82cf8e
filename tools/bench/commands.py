"""The wait for whole commands: a check of many files, a trained network and its export."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tools.bench.case import Case, Result, case
from tools.bench.events import event_files, folder, many_small_files
from tools.bench.startup import COMMAND, waited

from xec_geometry import N_SENSORS

ROUNDS = 3

_TRAINED_EVENTS = 480
_ALL_TASKS = ("--tasks", "angle", "energy", "timing", "uvwFI")

_ONE_EVENT = """
import numpy as np
from xec_models import load_model
network = load_model({checkpoint!r})
random = np.random.default_rng(0)
network.predict(random.uniform(0, 100, (1, {n})), random.uniform(0, 1e-7, (1, {n})))
"""


def trained() -> Path:
    """A checkpoint of the network of the demo: preset laptop, with anchor and window, hardly trained."""
    config, run = folder() / "laptop.yaml", "trained"
    checkpoint = folder() / "artifacts" / run / "checkpoint_best.pth"
    if checkpoint.exists():
        return checkpoint
    (events,) = event_files("lz4", 1, _TRAINED_EVENTS)
    _command("config", "new", "--preset", "laptop", "-o", str(config))
    settings = [f"data.{name}_path={events}" for name in ("train", "val")]
    settings += [f"mlflow.run_name={run}", "training.epochs=1", "export.onnx=null"]
    _command("train", str(config), *_ALL_TASKS, *settings)
    return checkpoint


def _command(*arguments: str) -> None:
    _run(_program(*arguments))


def _program(*arguments: str) -> str:
    return COMMAND.format(arguments=list(arguments))


def _export() -> str:
    (events,) = event_files("lz4", 1, _TRAINED_EVENTS)
    output = folder() / "network.onnx"
    return _program("export", str(trained()), "-o", str(output), "--data", str(events), "--force")


def _check() -> str:
    return _program("data", "check", *map(str, many_small_files()))


def _predict_an_event() -> str:
    return _ONE_EVENT.format(checkpoint=str(trained()), n=N_SENSORS)


# What makes the program, and the seconds that it may take.
WAITS: tuple[tuple[str, Callable[[], str], float], ...] = (
    ("xec data check, 100 files", _check, 5.0),
    ("load_model, first prediction", _predict_an_event, 3.0),
    ("xec export", _export, 15.0),
)


def _wait(name: str, program: Callable[[], str], allowed: float) -> Case:
    def measured() -> Result:
        code = program()
        runs = [_run(code) for _ in range(ROUNDS)]
        seconds = statistics.median(seconds for seconds, _ in runs)
        return waited(name, seconds, allowed, max(peak for _, peak in runs))

    measured.__name__ = name
    return measured


def _run(code: str) -> tuple[float, float]:
    """Seconds that a program takes, and the most memory (MB) that it had."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL, cwd=folder())
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"exit code {process.returncode} of {code}")
    return time.perf_counter() - start, used.ru_maxrss / 1024


for _name, _make, _allowed in WAITS:
    case("startup")(_wait(_name, _make, _allowed))
