"""Cases of the bench, and the modules that define those of each group."""

from __future__ import annotations

import importlib
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from tools.bench.measure import Rates, peak_of_process


@dataclass(frozen=True)
class Result:
    """What a case measured.

    Attributes
    ----------
    case
        Its name, which an earlier result is found by.
    rate
        How fast it was.
    unit
        Of the rate and the limit, such as ``events/s``; with a unit that begins with ``s`` or ``%`` less
        is better.
    limit
        What could be reached at most (or allowed at least), measured in the same run.
    limit_name
        What the limit is, in a few words.
    ratio
        The rate as a part of the limit: the number that can be compared between machines.
    peak_memory_mb
        Most memory while the case ran, of the device if it has one of its own. None: that of the case's
        process, with the limit in it, is filled in.
    target
        What the ratio should reach; None: no target. With `less_is_better` it is the largest allowed.
    device
        Where it ran.
    noise
        Half the range of the repeated ratios that holds two thirds of them; None: measured once.
    less_is_better
        Whether a small ratio is a good one, as for a time against the time allowed.
    """

    case: str
    rate: float
    unit: str
    limit: float
    limit_name: str
    ratio: float
    peak_memory_mb: float | None
    target: float | None = None
    device: str = "cpu"
    noise: float | None = None
    less_is_better: bool = False

    @property
    def is_met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if self.target is None:
            return None
        return self.ratio <= self.target if self.less_is_better else self.ratio >= self.target


def compared(
    case: str, rates: Rates, name: str, limit: str, limit_name: str | None = None, **more: Any
) -> Result:
    """The result of things that ran in turns, in events a second.

    Parameters
    ----------
    case
        Its name.
    rates
        Of all of them.
    name, limit
        Which is measured, and against which.
    limit_name
        What the limit is, in a few words; by default its name.
    more
        Further fields of the result.
    """
    ratio, noise = rates.ratio(name, limit)
    return Result(
        case=case,
        rate=rates.median(name),
        unit="events/s",
        limit=rates.median(limit),
        limit_name=limit_name or limit,
        ratio=ratio,
        noise=noise,
        **{"peak_memory_mb": None, **more},
    )


Case = Callable[[], Result]

GROUPS: dict[str, tuple[str, ...]] = {
    "data": ("reading", "loading"),
    "model": ("model",),
    "simulate": ("simulating",),
    "predict": ("predicting",),
    "startup": ("startup", "commands"),
    "analysis": ("analysis",),
}
"""The modules of this folder that fill each group, imported only when it runs."""

CASES: dict[str, list[Case]] = {}
"""The cases of the groups loaded so far, in the order in which they run."""


def case(group: str) -> Callable[[Case], Case]:
    """Add a function to the cases of a group."""

    def add(function: Case) -> Case:
        CASES.setdefault(group, []).append(function)
        return function

    return add


def cases_of(group: str) -> list[Case]:
    """Load a group and give its cases."""
    for module in GROUPS[group]:
        importlib.import_module(f"{__package__}.{module}")
    return CASES.get(group, [])


def alone(measured: Case) -> Result:
    """Run a case in a process of its own: what an allocator keeps of another case would speed it up."""
    _waiting[:] = [measured]
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as process:
        return process.submit(_run_waiting).result()


# A case is a closure, which cannot be sent; a forked process finds it here.
_waiting: list[Case] = []


def _run_waiting() -> Result:
    result = _waiting[0]()
    if result.peak_memory_mb is None:
        return replace(result, peak_memory_mb=peak_of_process())
    return result
