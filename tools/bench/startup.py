"""How long a user waits before anything happens."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

from tools.bench.case import Case, Result, case

ROUNDS = 5
HELP = "from xec_geometry.cli import main; main({arguments!r})"

# What is run by Python, and the seconds that it may take.
STARTS: tuple[tuple[str, str, float], ...] = (
    ("import xec_geometry", "import xec_geometry", 0.15),
    ("xec --help", HELP.format(arguments=["--help"]), 0.3),
    ("xec train --help", HELP.format(arguments=["train", "--help"]), 0.5),
)


def _start(name: str, code: str, allowed: float) -> Case:
    def measured() -> Result:
        seconds = statistics.median(_seconds([sys.executable, "-c", code]) for _ in range(ROUNDS))
        ratio = seconds / allowed
        return Result(
            name, seconds, "s", allowed, "time allowed", ratio, None, target=1.0, less_is_better=True
        )

    measured.__name__ = name
    return measured


def _seconds(command: Sequence[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=dict(os.environ))
    return time.perf_counter() - start


for _name, _code, _allowed in STARTS:
    case("startup")(_start(_name, _code, _allowed))
