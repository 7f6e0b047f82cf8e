"""CPU time of all figures of merit."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tools.bench.case import Result, case

from xec_analysis import collect_results, measure
from xec_data.tasks.table import TASKS

_EVENTS = 100_000
_ALLOWED = 10.0


@case("analysis")
def all_metrics() -> Result:
    """All measures of all tasks, with errors and core fits, overall and in the bins of the plots."""
    # What is imported or compiled once is not measured.
    _measure(1000)
    seconds = _measure(_EVENTS)
    return Result(
        f"metrics of {_EVENTS} events",
        seconds,
        "s of CPU",
        _ALLOWED,
        "time allowed",
        seconds / _ALLOWED,
        None,
        target=1.0,
        less_is_better=True,
    )


def _measure(n: int) -> float:
    results = collect_results(_columns(n), "bench", Path("bench"))
    assert results.tasks.keys() == TASKS.keys()
    start = time.process_time()
    measure({"network": results}, "bench")
    return time.process_time() - start


def _columns(n: int) -> dict[str, NDArray[np.generic]]:
    """Truth, and predictions with tails, which take the longest to fit."""
    rng = np.random.default_rng(1)
    direction = rng.normal(size=(n, 3))
    truth = {
        "energyTruth": rng.uniform(0.015, 0.060, n),
        "uvwTruth": np.column_stack(
            [rng.uniform(-24, 24, n), rng.uniform(-68, 68, n), rng.exponential(3.7, n)]
        ),
        "timeTruth": rng.normal(-1e-9, 3e-10, n),
        "emiAng": np.column_stack([rng.uniform(70, 110, n), rng.uniform(-60, 60, n)]),
        "emiVec": direction / np.linalg.norm(direction, axis=1, keepdims=True),
        "n_gamma": rng.integers(0, 3, n),
    }
    predicted: dict[str, NDArray[np.generic]] = {}
    for spec in TASKS.values():
        true = spec.true_values(truth).reshape(n, -1)
        for k, name in enumerate(spec.output_names):
            if spec.n_classes:
                predicted[f"pred_{name}"] = np.where(rng.random(n) < 0.9, true[:, k], 0).astype(np.int32)
            else:
                error = 0.05 * true[:, k].std() * rng.standard_t(4, n)
                predicted[f"pred_{name}"] = true[:, k] + error
    return truth | predicted
