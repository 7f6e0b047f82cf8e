"""Training on many GPUs, on paper: ``hatch run python -m tools.bench.scaling``.

Step time, gradient traffic and data rate of the default network for 1 to 512 GPUs, from numbers that are
counted or measured (parameters, operations, bytes of an event, events a core reads) and from published ones
of the hardware. No GPU was measured: its speed is its published peak times an assumed share.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Annotated, Any

import typer

_GIGA, _TERA = 1e9, 1e12
_GRADIENT = 4  # bytes, float32
_LATENCY = 5e-6  # s, of a message between two GPUs
_HIDDEN = 2 / 3  # of a step is the backward pass, during which gradients travel
_NUMBERS = (1, 8, 64, 512)
_STEP_OF_ALL = 4096


@dataclass(frozen=True)
class Work:
    """What a network and its events ask for.

    Attributes
    ----------
    parameters
        Of the network.
    operations
        Floating-point operations of a training step, per event.
    read, stored
        Bytes of an event in memory and in a file.
    """

    parameters: int
    operations: float
    read: float
    stored: float


@dataclass(frozen=True)
class Hardware:
    """What a cluster offers; see `docs/scaling.md` of xec-train for the sources.

    Attributes
    ----------
    peak
        Operations per second of a GPU in bfloat16.
    used
        Share of the peak that the network reaches: assumed.
    in_node, between_nodes
        Bytes per second from a GPU to the next one in the same node, and in another one.
    per_node
        GPUs in a node.
    read_by_core
        Events per second that a core reads.
    storage
        Bytes per second of the file system, for all nodes: assumed.
    """

    peak: float = 989 * _TERA
    used: float = 0.05
    in_node: float = 450 * _GIGA
    between_nodes: float = 50 * _GIGA
    per_node: int = 8
    read_by_core: float = 39_000
    storage: float = 10 * _GIGA


@dataclass(frozen=True)
class Prediction:
    """A training step on a number of GPUs: times in s, rates of all GPUs together."""

    gpus: int
    batch: float
    compute: float
    reduction: float
    step: float
    rate: float
    cores: float
    storage: float

    @property
    def efficiency(self) -> float:
        """Share of the time in which GPUs compute."""
        return self.compute / self.step


def reduction_time(n_bytes: float, gpus: int, hardware: Hardware) -> float:
    """Time of a ring all-reduce: every GPU sends 2 (n − 1)/n of the bytes in 2 (n − 1) messages."""
    if gpus == 1:
        return 0.0
    speed = hardware.in_node if gpus <= hardware.per_node else hardware.between_nodes
    return 2 * (gpus - 1) / gpus * n_bytes / speed + 2 * (gpus - 1) * _LATENCY


def predict(work: Work, hardware: Hardware, gpus: int, batch: float) -> Prediction:
    """Predict a step of `batch` events on each of so many GPUs; the storage may be what it waits for."""
    compute = batch * work.operations / (hardware.peak * hardware.used)
    reduction = reduction_time(_GRADIENT * work.parameters, gpus, hardware)
    unfed = max(compute + max(0.0, reduction - _HIDDEN * compute), 1e-9)
    step = max(unfed, gpus * batch * work.stored / hardware.storage)
    rate = gpus * batch / step
    return Prediction(
        gpus, batch, compute, reduction, step, rate, rate / hardware.read_by_core, rate * work.stored
    )


def count_work() -> Work:
    """Count parameters, operations and bytes of the default network with all tasks."""
    from tools.bench.networks import gradient_step, random_network, random_readings
    from tools.bench.plain_form import plain_copy
    from torch.utils.flop_counter import FlopCounterMode

    from xec_data.simulation import SimulationConfig, simulate_file
    from xec_geometry import N_SENSORS

    n_events = 2
    network = random_network(1024)
    # The operators of our own are not seen by the counter.
    with FlopCounterMode(display=False) as counter:
        gradient_step(plain_copy(network), random_readings(n_events))
    with tempfile.TemporaryDirectory() as folder:
        n_stored = 128
        stored = simulate_file(Path(folder) / "events.root", SimulationConfig(seed=1), n_stored).n_bytes
    return Work(
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        operations=counter.get_total_flops() / n_events,
        read=2.0 * _GRADIENT * N_SENSORS,
        stored=stored / n_stored,
    )


def check_locally(sizes: tuple[int, ...]) -> list[float]:
    """Measure all-reduces of float32 numbers between two processes of this machine, in s, through gloo."""
    import torch.multiprocessing as multiprocessing

    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        found: SimpleQueue[Any] = context.SimpleQueue()
        arguments = f"{folder}/meeting", sizes, found
        processes = [context.Process(target=_reduce, args=(rank, *arguments)) for rank in range(2)]
        for process in processes:
            process.start()
        times = found.get()
        for process in processes:
            process.join()
    return list(times)


def _reduce(rank: int, meeting: str, sizes: tuple[int, ...], found: SimpleQueue[Any]) -> None:
    import torch
    import torch.distributed as distributed

    distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=2)
    times = []
    for size in sizes:
        values, took = torch.ones(size), []
        for _ in range(5):
            distributed.barrier()
            start = time.perf_counter()
            distributed.all_reduce(values)
            took.append(time.perf_counter() - start)
        times.append(min(took))
    distributed.destroy_process_group()
    if rank == 0:
        found.put(times)


def _print_table(title: str, rows: list[Prediction]) -> None:
    print(f"\n{title}\n")
    print("| GPUs | events per GPU | compute, ms | all-reduce, ms | step, ms | events/s | GPUs compute | "
          "reading cores | from storage, GB/s |")  # fmt: skip
    print("|---" * 9 + "|")
    for row in rows:
        print(
            f"| {row.gpus} | {row.batch:.0f} | {1e3 * row.compute:.2f} | {1e3 * row.reduction:.2f} | "
            f"{1e3 * row.step:.2f} | {row.rate:,.0f} | {100 * row.efficiency:.0f} % | {row.cores:.1f} | "
            f"{row.storage / _GIGA:.2f} |".replace(",", " ")
        )


def main(
    used: Annotated[float, typer.Option(help="Assumed share of a GPU's peak.")] = Hardware.used,
    batch: Annotated[int, typer.Option(help="Events in each GPU's step.")] = 256,
    storage: Annotated[float, typer.Option(help="Speed of the file system in GB/s.")] = 10.0,
    check: Annotated[bool, typer.Option(help="Also measure all-reduces of two processes here.")] = False,
) -> None:
    """Print what trainings on many GPUs should take."""
    work, hardware = count_work(), Hardware(used=used, storage=storage * _GIGA)
    gradient = _GRADIENT * work.parameters
    print(
        f"{work.parameters / 1e6:.1f} million parameters, {gradient / 1e6:.0f} MB of gradients a step; "
        f"{work.operations / _GIGA:.2f} GFLOP an event; {work.read / 1e3:.1f} kB an event in memory, "
        f"{work.stored / 1e3:.1f} kB in a file"
    )
    _print_table(f"{batch} events in each GPU", [predict(work, hardware, n, batch) for n in _NUMBERS])
    _print_table(
        f"{_STEP_OF_ALL} events in all GPUs together",
        [predict(work, hardware, n, _STEP_OF_ALL / n) for n in _NUMBERS],
    )
    if check:
        sizes = (work.parameters // 16, work.parameters // 4, work.parameters)
        small, middle, whole = check_locally(sizes)
        slope = (middle - small) / (sizes[1] - sizes[0])
        expected = middle + slope * (sizes[2] - sizes[1])
        print(
            f"\ntwo processes here, gloo: {1e3 * whole:.0f} ms for all gradients; a straight line through "
            f"{1e3 * small:.1f} ms for a sixteenth and {1e3 * middle:.1f} ms for a quarter of them gives "
            f"{1e3 * expected:.0f} ms"
        )


if __name__ == "__main__":
    typer.run(main)
