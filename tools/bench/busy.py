"""How fast the threads of a network are beside other processes: ``hatch run bench-busy``.

Each way in which threads may wait for each other is tried beside 0, 1 and 2 processes that only compute.
The ways take turns within a round, so that what else the machine does slows all of them alike.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from tools.bench.busy_work import BATCH, RUNTIME, RUNTIME_ASLEEP, TRAINING, WIDTH

from xec_geometry.support.processors import POLICY, SPINS, THREADS, available_cores, processor_model
from xec_geometry.support.revision import describe_revision

_ROOT = Path(__file__).parents[2]
_COMPUTE = "while True: pass"
_VARIABLES = (SPINS, POLICY, THREADS)


@dataclass(frozen=True)
class Way:
    """How threads wait for each other.

    Attributes
    ----------
    name
        Of the row.
    work
        What is done, see `busy_work`.
    environment
        Variables that it needs.
    """

    name: str
    work: str = TRAINING
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_training(self) -> bool:
        """Whether its rates are those of a training."""
        return self.work == TRAINING


def ways() -> list[Way]:
    """Return what is compared, for the cores of this machine."""
    spins = [Way(f"{n} looks, then asleep", environment={SPINS: str(n)}) for n in (0, 1000, 10_000, 100_000)]
    fewer = [Way("a thread fewer", environment={THREADS: str(available_cores() - 1)})]
    return [
        Way("as GNU's OpenMP comes"),
        Way("passive", environment={POLICY: "passive"}),
        *spins,
        *(fewer if available_cores() > 1 else []),
        *(Way(work, work) for work in (RUNTIME, RUNTIME_ASLEEP)),
    ]


@contextmanager
def _ready(way: Way) -> Iterator[subprocess.Popen[str]]:
    environment = {name: value for name, value in os.environ.items() if name not in _VARIABLES}
    with subprocess.Popen(
        [sys.executable, "-m", "tools.bench.busy_work", way.work],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=_ROOT,
        env={**environment, **way.environment},
    ) as process:
        assert process.stdout is not None
        if not process.stdout.readline():
            raise SystemExit(f"{way.name}: the process ended before it was ready")
        yield process
        assert process.stdin is not None
        process.stdin.close()


@contextmanager
def _computing(number: int) -> Iterator[None]:
    processes = [subprocess.Popen([sys.executable, "-c", _COMPUTE]) for _ in range(number)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _rate(process: subprocess.Popen[str]) -> float:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def main(
    rounds: Annotated[int, typer.Option(min=1, help="Pieces of four seconds of each way and load.")] = 5,
    most: Annotated[int, typer.Option(min=0, help="Largest number of other processes.")] = 2,
) -> None:
    """Print the rates, and each as a part of the best of the same work beside as many processes."""
    rates: dict[tuple[str, int], list[float]] = {}
    compared = ways()
    with ExitStack() as stack:
        processes = [stack.enter_context(_ready(way)) for way in compared]
        for number in range(rounds):
            for load in range(most + 1):
                with _computing(load):
                    turn = list(zip(compared, processes, strict=True))[:: -1 if number % 2 else 1]
                    for way, process in turn:
                        rate = _rate(process)
                        rates.setdefault((way.name, load), []).append(rate)
                        typer.echo(f"{way.name}, {load} others: {rate:.1f} events/s", err=True)
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(table(compared, rates))
    console.print(f"{processor_model()}, {available_cores()} cores, commit {describe_revision(__file__)}")


def table(compared: Sequence[Way], rates: Mapping[tuple[str, int], Sequence[float]]) -> Table:
    """Return the rates of ways (rows) beside numbers of processes (columns)."""
    loads = sorted({load for _, load in rates})
    found = Table(title=f"encoder_dim {WIDTH}, batch {BATCH}: events/s, and part of the best")
    found.add_column("threads wait")
    for load in loads:
        found.add_column(f"{load} other{'s' if load != 1 else ''}", justify="right")
    for way in compared:
        rivals = [other.name for other in compared if other.is_training == way.is_training]
        cells = []
        for load in loads:
            own, best = rates[way.name, load], max(np.median(rates[name, load]) for name in rivals)
            low, high = np.percentile(own, [16, 84])
            cells.append(f"{np.median(own):.1f} ± {(high - low) / 2:.1f}  {np.median(own) / best:.2f}")
        found.add_row(way.name, *cells)
    return found


if __name__ == "__main__":
    typer.run(main)
