"""Whether values of a task can be those of a photon in the unit that they are said to have."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xec_data.schema.branches import MEASURED_TRUTH, RECO_BRANCHES, SIMULATED_TRUTH, is_invalid
from xec_data.tasks.table import TASKS


def implausible(task: str, values: NDArray[Any]) -> str | None:
    """Say in a line which values no photon has; None if all are plausible, or are classes.

    Parameters
    ----------
    task
        Name of the task.
    values
        (n, n_outputs) true or conventional values; invalid ones do not count.
    """
    if TASKS[task].n_classes:
        return None
    for output, column in zip(TASKS[task].outputs, values.T, strict=True):
        low, high = output.plausible
        outside = ~is_invalid(column) & ((column < low) | (column > high))
        if outside.any():
            return (
                f"{output.name} is outside {low:g} to {high:g} {output.unit} in "
                f"{np.count_nonzero(outside)} of {len(column)} events, for example {column[outside][0]:.6g}; "
                f"expected {output.unit}: another unit?"
            )
    return None


def is_measured(branches: Collection[str], task: str) -> bool:
    """Tell whether the "truth" of a task comes from other detectors.

    Real data have a direction too: from the vertex of the positron to the conventional point. Such files
    have a conventional reconstruction, and nothing that only a simulation knows.

    Parameters
    ----------
    branches
        Branches of the file.
    task
        Name of the task.
    """
    known = set(branches)
    is_real = bool(known & set(RECO_BRANCHES)) and not known & SIMULATED_TRUTH
    return is_real and set(TASKS[task].truth.branches) <= MEASURED_TRUTH
