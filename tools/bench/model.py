"""Speed of the network: against its plain form, the machine's arithmetic, and its memory."""

from __future__ import annotations

import time
from functools import cache
from typing import Any

import torch
from tools.bench.case import Case, Result, case, compared
from tools.bench.measure import alternate
from tools.bench.networks import (
    DEFAULT,
    DEVICE,
    GPU_SHAPES,
    PRECISION,
    SMALL,
    as_trained,
    gradient_step,
    half,
    in_python,
    infer,
    random_network,
    random_readings,
    wait,
)
from tools.bench.one_step import step_elsewhere
from tools.bench.plain_form import plain_copy
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

ROUNDS = 5
LARGEST_MEMORY = 0.7
LEAST_OF_ROOFLINE = 0.3

FORMS = ("fast", "plain")
LIMITS = {
    "arithmetic": "FLOPs at the rate of a large matrix product",
    "bytes": "bytes of all operations at the rate of a copy",
    "roofline": "the slower of arithmetic and bytes",
}
ON_GPU = DEVICE == "cuda"
MATRIX, COPIED_BYTES = (8192, 2**30) if ON_GPU else (2048, 2**28)


def _against_plain(work: str, shape: tuple[int, int], target: float) -> Case:
    def measured() -> Result:
        width, batch = shape
        function = {"inference": infer, "training step": gradient_step}[work]
        fast = random_network(width, DEVICE).train(work != "inference")
        networks = dict(zip(FORMS, (as_trained(fast), as_trained(plain_copy(fast))), strict=True))
        readings = random_readings(batch, DEVICE)
        runs = {
            name: lambda network=network: function(network, readings) for name, network in networks.items()
        }
        rates = alternate(runs, ROUNDS)
        return compared(f"{work}, {_named(shape)}", rates, *FORMS, "plain form", target=target, device=DEVICE)

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
            "plain form, of the GPU" if ON_GPU else "plain form, whole process",
            used["fast"] / used["plain"],
            used["fast"],
            target=LARGEST_MEMORY,
            device=DEVICE,
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
def _arithmetic_rate() -> float:
    a, b, out = (torch.rand(MATRIX, MATRIX, device=DEVICE, dtype=PRECISION) for _ in range(3))
    return max(2 * MATRIX**3 / _seconds(lambda: torch.mm(a, b, out=out)) for _ in range(ROUNDS))


@cache
def _copy_rate() -> float:
    source = torch.ones(COPIED_BYTES // 4, device=DEVICE)
    target = torch.empty_like(source)
    # Read and written.
    return max(2 * COPIED_BYTES / _seconds(lambda: target.copy_(source)) for _ in range(ROUNDS))


def _seconds(function: Any) -> float:
    wait()
    start = time.perf_counter()
    function()
    wait()
    return time.perf_counter() - start


def _against_machine(limit_name: str, shape: tuple[int, int]) -> Case:
    def measured() -> Result:
        width, batch = shape
        network, readings = random_network(width, DEVICE).eval(), random_readings(batch, DEVICE)
        flops, moved = FlopCounterMode(display=False), _Bytes()
        for counter in (flops, moved):
            # The counters can follow neither inference mode nor operators in C++.
            with in_python(), torch.no_grad(), half(), counter:
                network(*readings)
        seconds = {
            "arithmetic": flops.get_total_flops() / _arithmetic_rate(),
            "bytes": moved.total / _copy_rate(),
        }
        seconds["roofline"] = max(seconds.values())
        limit = batch / seconds[limit_name]
        compiled = as_trained(network)
        rate = alternate({"fast": lambda: infer(compiled, readings)}, ROUNDS).median("fast")
        return Result(
            f"inference, {_named(shape)}: {limit_name}",
            rate,
            "events/s",
            limit,
            LIMITS[limit_name],
            rate / limit,
            None,
            target=LEAST_OF_ROOFLINE if ON_GPU and limit_name == "roofline" else None,
            device=DEVICE,
        )

    measured.__name__ = f"{limit_name} {width_of(shape)}"
    return measured


def _named(shape: tuple[int, int]) -> str:
    return f"encoder_dim {shape[0]}, batch {shape[1]}"


_SHAPES = GPU_SHAPES if ON_GPU else (SMALL, DEFAULT)
_TARGETS = {
    "inference": (4.0, 4.0) if ON_GPU else (2.5, 2.5),
    "training step": (3.0, 3.0) if ON_GPU else (2.0, 2.0),
}

for _work, _targets in _TARGETS.items():
    for _shape, _target in zip(_SHAPES, _targets, strict=True):
        case("model")(_against_plain(_work, _shape, _target))
for _shape in _SHAPES:
    case("model")(_memory_of_step(_shape))
for _shape in _SHAPES:
    for _limit in LIMITS:
        case("model")(_against_machine(_limit, _shape))
