"""Bins of any variable: as asked for, or as the panels have them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xec_analysis.errors import AnalysisError
from xec_analysis.resolution.profiles import bins_of
from xec_analysis.resolution.results import TaskResult
from xec_data.schema.branches import SCHEMA, is_invalid
from xec_data.tasks.table import TASKS
from xec_geometry.errors import did_you_mean

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class BinRequest:
    """A variable, and where its bins end.

    Attributes
    ----------
    variable
        A truth variable or a column of the file; of one with several numbers ``name[k]``.
    edges
        Ascending edges in the unit of the file; empty: bins that follow the data.
    """

    variable: str
    edges: tuple[float, ...] = ()


DEFAULT_BINS = tuple(BinRequest(name) for name in ("energy", "u", "v", "w"))
"""Energy and position of the photon; w is the depth."""


def parse_bins(text: str) -> BinRequest:
    """Read ``VARIABLE`` or ``VARIABLE=EDGE,EDGE,…``.

    Raises
    ------
    AnalysisError
        If there is no name, or the edges are not at least two ascending numbers.
    """
    name, equals, numbers = text.partition("=")
    name = name.strip()
    try:
        edges = tuple(float(number) for number in numbers.split(",")) if equals else ()
    except ValueError:
        edges = (np.nan,)
    good = not equals or (
        len(edges) > 1 and np.isfinite(edges).all() and all(low < high for low, high in pairwise(edges))
    )
    if not name or not good:
        raise AnalysisError(
            f"--bins {text}: expected VARIABLE, or VARIABLE=EDGE,EDGE,… with at least two ascending numbers"
        )
    return BinRequest(name, edges)


def unit_of(variable: str) -> str:
    """Return the unit of a variable in files; empty if it has none or it is not known."""
    outputs = {output.name: output.unit for task in TASKS.values() for output in task.outputs}
    branch = variable.partition("[")[0]
    unit = outputs.get(variable, SCHEMA[branch].unit if branch in SCHEMA else "")
    return "" if unit in (None, "1") else unit


def variable_values(request: BinRequest, result: TaskResult, columns: Mapping[str, NDArray[Any]]) -> Floats:
    """Return the variable of the events of a task, (n,); NaN where it is not valid.

    Raises
    ------
    AnalysisError
        If there is no such variable or column, or it is not one number an event.
    """
    if request.variable in result.variables:
        return result.variables[request.variable]
    name, bracket, index = request.variable.partition("[")
    known = [*result.variables, *(c for c in columns if c not in result.variables)]
    if name not in columns:
        hint = did_you_mean(name, known)
        raise AnalysisError(
            f"--bins {request.variable}: no such variable or column{hint}; expected one of {', '.join(known)}"
        )
    values = np.asarray(columns[name])
    if bracket:
        number = index.removesuffix("]")
        if values.ndim != 2 or not number.isdecimal() or int(number) >= values.shape[1]:
            shape = f"{name}[0] … {name}[{values.shape[1] - 1}]" if values.ndim == 2 else name
            raise AnalysisError(f"--bins {request.variable}: no such column; expected {shape}")
        values = values[:, int(number)]
    if values.ndim != 1 or values.dtype.kind not in "biuf":
        raise AnalysisError(
            f"--bins {request.variable}: entries of shape {values.shape[1:]} and type {values.dtype}; "
            f"expected one number an event" + (f", as {name}[0]" if values.ndim == 2 else "")
        )
    chosen = values[result.entries].astype(np.float64)
    return np.where(is_invalid(chosen), np.nan, chosen)


@dataclass(frozen=True)
class EventsOfBin:
    """The limits of a bin, and its events among those of a task."""

    low: float
    high: float
    events: NDArray[np.int64]


def sort_events(request: BinRequest, variable: Floats) -> list[EventsOfBin]:
    """Sort events into the bins of a variable, (n,).

    Bins with edges of their own may be empty; those that follow the data are the bins of the panels.
    """
    known = np.flatnonzero(np.isfinite(variable))
    values = variable[known]
    if not request.edges:
        parts = [known[part] for part in bins_of(values)]
        return [EventsOfBin(float(variable[p].min()), float(variable[p].max()), p) for p in parts]
    edges = np.asarray(request.edges)
    number = np.searchsorted(edges, values, side="right") - 1
    number[values == edges[-1]] = len(edges) - 2
    return [
        EventsOfBin(low, high, known[number == k]) for k, (low, high) in enumerate(pairwise(request.edges))
    ]
