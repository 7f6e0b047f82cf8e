"""The fast simulation against its random numbers alone, and the writing of its files."""

from __future__ import annotations

import numpy as np
from tools.bench.case import Result, case, compared
from tools.bench.events import folder, simulated
from tools.bench.measure import alternate, watch_memory

from xec_data import SimulationConfig, TreeWriter, simulate_events
from xec_data.writing.tree_writer import CLUSTER_BYTES

_EVENTS = 256
_ROUNDS = 5


@case("simulate")
def simulating() -> Result:
    """Events in memory, in one process."""
    means = np.abs(simulated()["npho"][:_EVENTS].astype(np.float64))
    means[~(means < 1e9)] = 0
    rng = np.random.default_rng(0)

    def draw() -> int:
        rng.poisson(means)
        return _EVENTS

    def simulate() -> int:
        return sum(len(e["run"]) for e in simulate_events(SimulationConfig(seed=2), _EVENTS))

    with watch_memory() as memory:
        rates = alternate({"draw": draw, "simulate": simulate}, _ROUNDS)
    return compared(
        "simulation, one process",
        rates,
        "simulate",
        "draw",
        "a Poisson number per sensor",
        peak_memory_mb=memory.peak_mb,
    )


@case("simulate")
def writing() -> Result:
    """Files as the simulation writes them, against the same bytes written plainly."""
    events = simulated()
    n = len(events["run"])
    path = folder() / "written"

    def plain() -> int:
        with path.open("wb", buffering=CLUSTER_BYTES) as file:
            for array in events.values():
                file.write(np.ascontiguousarray(array).data)
        return n

    def write() -> int:
        with TreeWriter(path.with_suffix(".root"), compression="lz4") as writer:
            writer.extend(events)
        return n

    with watch_memory() as memory:
        rates = alternate({"plain": plain, "write": write}, _ROUNDS)
    return compared(
        "writing simulated events, lz4",
        rates,
        "write",
        "plain",
        "the same bytes, plain",
        peak_memory_mb=memory.peak_mb,
    )
