"""The network: against its plain form, against the machine's arithmetic, and against its memory."""

from __future__ import annotations

import time
from functools import cache
from typing import Any

import torch
from tools.bench.case import Case, Result, case
from tools.bench.measure import alternate
from tools.bench.networks import DEFAULT, SMALL, gradient_step, infer, random_network, random_readings
from tools.bench.one_step import step_elsewhere
from tools.bench.plain_form import plain_copy
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

ROUNDS = 5
MATRIX = 2048
COPIED_BYTES = 256 * 2**20
LARGEST_MEMORY = 0.7

FORMS = ("fast", "plain")
LIMITS = {
    "sgemm": "FLOPs at the rate of a large sgemm",
    "bytes": "bytes of all operations at the rate of a copy",
}


def _against_plain(work: str, shape: tuple[int, int], target: float) -> Case:
    def measured() -> Result:
        width, batch = shape
        function = {"inference": infer, "training step": gradient_step}[work]
        fast = random_network(width).train(work != "inference")
        networks = dict(zip(FORMS, (fast, plain_copy(fast)), strict=True))
        readings = random_readings(batch)
        runs = {
            name: lambda network=network: function(network, readings) for name, network in networks.items()
        }
        rates = alternate(runs, ROUNDS)
        ratio, noise = rates.ratio(*FORMS)
        return Result(
            f"{work}, {_named(shape)}",
            rates.median("fast"),
            "events/s",
            rates.median("plain"),
            "plain form",
            ratio,
            None,
            target=target,
            noise=noise,
        )

    measured.__name__ = f"{work} {width_of(shape)}"
    return measured


def width_of(shape: tuple[int, int]) -> str:
    """The width of the encoder, for names."""
    return str(shape[0])


def _memory_of_step(shape: tuple[int, int]) -> Case:
    def measured() -> Result:
        used = {form: step_elsewhere(form, *shape).process_mb for form in FORMS}
        return Result(
            f"memory of a training step, {_named(shape)}",
            used["fast"],
            "MB",
            used["plain"],
            "plain form, whole process",
            used["fast"] / used["plain"],
            used["fast"],
            target=LARGEST_MEMORY,
            less_is_better=True,
        )

    measured.__name__ = f"memory {width_of(shape)}"
    return measured


class _Bytes(TorchDispatchMode):
    """What all operations read and write, each for itself."""

    total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if not func.is_view:
            arrays = [x for x in tree_leaves((args, kwargs, out)) if isinstance(x, torch.Tensor)]
            self.total += sum(x.nbytes for x in arrays)
        return out


@cache
def _sgemm_rate() -> float:
    a, b = torch.randn(MATRIX, MATRIX), torch.randn(MATRIX, MATRIX)
    out = torch.empty(MATRIX, MATRIX)
    return max(2 * MATRIX**3 / _seconds(lambda: torch.mm(a, b, out=out)) for _ in range(ROUNDS))


@cache
def _copy_rate() -> float:
    source = torch.ones(COPIED_BYTES // 4)
    target = torch.empty_like(source)
    # Read and written.
    return max(2 * COPIED_BYTES / _seconds(lambda: target.copy_(source)) for _ in range(ROUNDS))


def _seconds(function: Any) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def _against_machine(limit_name: str, shape: tuple[int, int]) -> Case:
    def measured() -> Result:
        width, batch = shape
        network, readings = random_network(width).eval(), random_readings(batch)
        counter = FlopCounterMode(display=False) if limit_name == "sgemm" else _Bytes()
        # The counter cannot follow inference mode.
        with torch.no_grad(), counter:
            network(*readings)
        work = counter.get_total_flops() if isinstance(counter, FlopCounterMode) else counter.total
        limit = (_sgemm_rate() if limit_name == "sgemm" else _copy_rate()) * batch / work
        rate = alternate({"fast": lambda: infer(network, readings)}, ROUNDS).median("fast")
        return Result(
            f"inference, {_named(shape)}: {limit_name}",
            rate,
            "events/s",
            limit,
            LIMITS[limit_name],
            rate / limit,
            None,
        )

    measured.__name__ = f"{limit_name} {width_of(shape)}"
    return measured


def _named(shape: tuple[int, int]) -> str:
    return f"encoder_dim {shape[0]}, batch {shape[1]}"


for _work, _shape, _target in (
    ("inference", SMALL, 2.0),
    ("inference", DEFAULT, 1.7),
    ("training step", SMALL, 1.8),
    ("training step", DEFAULT, 1.5),
):
    case("model")(_against_plain(_work, _shape, _target))
for _shape in (SMALL, DEFAULT):
    case("model")(_memory_of_step(_shape))
for _shape in (SMALL, DEFAULT):
    for _limit in ("sgemm", "bytes"):
        case("model")(_against_machine(_limit, _shape))
