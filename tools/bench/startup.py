"""Start-up times: the wait before the first output."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

from tools.bench.case import Case, Result, case
from tools.bench.events import event_files, folder
from tools.bench.measure import peak_of

ROUNDS = 5
_STEP_EVENTS = 16
_STEP_SECONDS = 6.0

# Says that a command has done everything, and waits to be looked at.
_DONE = "done"
_AT_THE_END = f"import atexit, time; atexit.register(lambda: (print('{_DONE}', flush=True), time.sleep(60)))"

COMMAND = "from xec_geometry.cli.application import main; main({arguments!r})"

# What is run by Python, and the seconds that it may take.
STARTS: tuple[tuple[str, str, float], ...] = (
    ("import of all of xec_geometry", "from xec_geometry import *", 0.15),
    ("xec --help", COMMAND.format(arguments=["--help"]), 0.3),
    ("xec train --help", COMMAND.format(arguments=["train", "--help"]), 0.5),
)


def _start(name: str, code: str, allowed: float) -> Case:
    def measured() -> Result:
        seconds = statistics.median(_seconds([sys.executable, "-c", code]) for _ in range(ROUNDS))
        peak = _until(_DONE, [sys.executable, "-c", f"{_AT_THE_END}\n{code}"])[1]
        return waited(name, seconds, allowed, peak)

    measured.__name__ = name
    return measured


def waited(name: str, seconds: float, allowed: float, peak_memory_mb: float | None) -> Result:
    """The result of a wait, against the time that it may take."""
    return Result(
        name,
        seconds,
        "s",
        allowed,
        "time allowed",
        seconds / allowed,
        peak_memory_mb,
        target=1.0,
        less_is_better=True,
    )


def _seconds(command: Sequence[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=dict(os.environ))
    return time.perf_counter() - start


@case("startup")
def first_step() -> Result:
    """From the command to the end of an epoch of one step: the default network, with tracking."""
    (events,) = event_files("lz4", 1, _STEP_EVENTS)
    config = folder() / "first_step.yaml"
    config.write_text(f"data: {{train_path: {events}, val_path: {events}, batch_size: {_STEP_EVENTS}}}\n")
    command = [sys.executable, "-c", COMMAND.format(arguments=["train", str(config), "training.epochs=1"])]
    runs = [_until("epoch", command) for _ in range(3)]
    seconds = statistics.median(seconds for seconds, _ in runs)
    return waited("xec train, first step", seconds, _STEP_SECONDS, max(peak for _, peak in runs))


def _until(beginning: str, command: Sequence[str]) -> tuple[float, float]:
    """Seconds until a command prints a line that begins so, and the most memory (MB) that it had by then."""
    start = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder()
    ) as process:
        assert process.stdout is not None
        output = ""
        for line in process.stdout:
            output += line
            if line.startswith(beginning):
                break
        else:
            raise RuntimeError(f"{' '.join(command)} printed no line '{beginning}':\n{output}")
        seconds, peak = time.perf_counter() - start, peak_of(process.pid)
        process.kill()
    return seconds, peak


for _name, _code, _allowed in STARTS:
    case("startup")(_start(_name, _code, _allowed))
