"""The bench of threads beside other processes."""

from __future__ import annotations

import io

from rich.console import Console
from tools.bench.busy import Way, table, ways
from tools.bench.busy_work import RUNTIME, RUNTIME_ASLEEP

from xec_geometry.support.processors import SPINS, let_waiting_threads_sleep


def test_rates_are_compared_within_a_work_and_a_load() -> None:
    compared = [Way("a"), Way("b"), Way("c", RUNTIME)]
    rates = {
        ("a", 0): [10.0, 12.0, 11.0],
        ("b", 0): [22.0, 22.0, 22.0],
        ("c", 0): [500.0] * 3,
        ("a", 1): [8.0] * 3,
        ("b", 1): [4.0] * 3,
        ("c", 1): [100.0] * 3,
    }
    console = Console(width=120, file=io.StringIO())
    with console.capture() as page:
        console.print(table(compared, rates))
    rows = {
        line.split("│")[1].strip(): line.split("│")[2:4] for line in page.get().splitlines() if "±" in line
    }
    parts = {name: [float(cell.split()[-1]) for cell in cells] for name, cells in rows.items()}
    assert parts == {"a": [0.5, 1.0], "b": [1.0, 0.5], "c": [1.0, 1.0]}


def test_the_default_is_among_the_ways() -> None:
    default: dict[str, str] = {}
    let_waiting_threads_sleep(default)
    found = ways()
    assert default[SPINS] in {way.environment.get(SPINS) for way in found}
    assert {way.work for way in found if not way.is_training} == {RUNTIME, RUNTIME_ASLEEP}
    assert len({way.name for way in found}) == len(found)
